use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fjall::AbstractTree;
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::oneshot;

use super::state::Writer;
use super::thread::MAX_BYTES_SHARED;
use crate::account::{Accounts, Places, Resource};
use crate::message::Reply;
use crate::store::embedded::disk::database::Database;
use crate::store::embedded::format::scope::Scope;
use crate::store::embedded::read::shared::Shared;
use crate::store::embedded::write::job::{Answer, Answered, Claim, Job};
use crate::store::embedded::write::queue::Queue;
use crate::store::embedded::write::recovery::state::Recovery;
use crate::store::embedded::write::work::Work;
use crate::store::operation::Operation;
use crate::store::options::Sync;

/// A writer whose queue is closed and has waiting work.
struct Waiting {
    writer: Writer,
    database: Arc<Database>,
    answers: UnboundedReceiver<Vec<Answered>>,
    clients: Vec<(u32, oneshot::Receiver<Answer>)>,
    _directory: TempDir,
}

impl Waiting {
    /// Each piece of `work` is the user and the length of the value that it sets.
    fn new(work: &[(u32, usize)]) -> Waiting {
        let directory = tempfile::tempdir().expect("a directory");
        let scope = Arc::new(Scope::new(Bytes::new(), 0));
        let shared = Arc::new(Shared::new(Duration::from_secs(60)));
        let path = directory.path().to_owned();
        let recovery = Recovery::open(path, Scope::clone(&scope), 10, false, Arc::clone(&shared));
        let (queue, accounts) = (Arc::new(Queue::default()), Accounts::default());
        let places = Places::new(Resource::Writing, work.len(), work.len());
        let mut clients = Vec::new();
        for (number, (uid, len)) in work.iter().enumerate() {
            let args = [Bytes::from(format!("k{number}")), vec![b'v'; *len].into()];
            let set = Operation::named("SET", args.into_iter().collect()).expect("a command");
            let (account, (answer, reply)) = (accounts.of(*uid), oneshot::channel());
            let room = places.try_take(&account).expect("there is room");
            let whose = (Arc::clone(&scope), account);
            let job = Job::new(Work::Batch(vec![set]), whose, Claim::default(), answer, room);
            assert!(queue.push(job));
            clients.push((*uid, reply));
        }
        queue.close();
        let database = shared.database().expect("opened");
        let (sender, answers) = unbounded_channel();
        let recovery = recovery.expect("opened");
        let writer = Writer::new(queue, sender, shared, Sync::Always, recovery);
        Waiting { writer, database, answers, clients, _directory: directory }
    }

    /// Has the writer do all work, and calls `beside` after the first commit. Returns the users of
    /// each commit.
    fn run(self, beside: impl FnOnce(&Database)) -> Vec<Vec<u32>> {
        let Waiting { writer, database, mut answers, mut clients, _directory } = self;
        let writer = std::thread::spawn(move || writer.run());
        let mut users = vec![users(answers.blocking_recv(), &mut clients)];
        beside(&database);
        // The writer closes the database.
        drop(database);
        writer.join().expect("ended well");
        while let Ok(group) = answers.try_recv() {
            users.push(self::users(Some(group), &mut clients));
        }
        assert!(clients.is_empty(), "all are answered");
        users
    }
}

/// The users whose work was answered.
fn users(
    group: Option<Vec<Answered>>,
    clients: &mut Vec<(u32, oneshot::Receiver<Answer>)>,
) -> Vec<u32> {
    group.into_iter().flatten().for_each(Answered::give);
    let is_answered = |(_, reply): &mut (u32, oneshot::Receiver<Answer>)| match reply.try_recv() {
        Ok(answer) => answer.replies == [Reply::OK],
        Err(_) => false,
    };
    clients.extract_if(.., is_answered).map(|(uid, _)| uid).collect()
}

/// The users of each commit.
fn committed_together(work: &[(u32, usize)]) -> Vec<Vec<u32>> {
    Waiting::new(work).run(|_| ())
}

#[test]
fn small_work_is_committed_together() {
    assert_eq!(committed_together(&[(1, 10), (2, 10), (1, 10)]), [[1, 2, 1]]);
}

#[test]
fn small_work_waits_for_no_more_than_one_large_commit_of_others() {
    let large = 2 * MAX_BYTES_SHARED;
    let work = [(1, large), (1, large), (2, large), (3, 10), (4, 10)];
    assert_eq!(committed_together(&work), [vec![1], vec![3, 4], vec![2], vec![1]]);
    // Smaller ones than the rest of the room for a commit.
    let work = [(1, large / 4), (1, large), (2, large), (3, 10), (4, 10)];
    assert_eq!(committed_together(&work), [vec![1, 3, 4], vec![2], vec![1]]);
}

#[test]
fn small_work_does_not_wait_for_background_work_that_is_behind() {
    let waiting = Waiting::new(&[(1, MAX_BYTES_SHARED), (2, 10)]);
    let data = &waiting.database.data;
    for key in ["a", "b"] {
        data.insert(key, "v").expect("written");
        // Nobody tells the background work.
        data.tree.rotate_memtable().expect("sealed");
    }
    assert!(waiting.database.is_behind());
    let groups = waiting.run(|database| {
        assert!(database.is_behind());
        let tree = &database.data.tree;
        tree.flush(&tree.get_flush_lock(), 0).expect("written out");
        assert!(!database.is_behind());
    });
    assert_eq!(groups, [[2], [1]]);
}
