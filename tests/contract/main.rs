//! The contract of the store: every promise of the seam, checked on every engine, with and
//! without a prefix, over each way to a server, and with a near cache.

mod batches;
mod engine;
mod keys;
mod last;
mod limits;
mod listing;
mod numbers;
mod parts;
mod prefix;
mod saving;
mod scanning;
mod setting;
#[path = "../support/mod.rs"]
mod support;
mod transactions;
mod values;

/// All promises, to `$then` for one engine: first those that hold wherever each key is, then those
/// on several keys together, which a cluster keeps where these are in one slot.
macro_rules! promises {
    ($then:ident $engine:ident) => {
        $then! {
            $engine;
            values:
                a_ping_is_answered
                a_value_set_is_the_value_got
                a_missing_key_has_no_value
                any_bytes_are_a_key_and_a_value
                an_empty_value_is_a_value
                an_empty_key_is_a_key
                a_large_value_comes_back_whole
                set_replaces_the_value_and_its_expiry
                removal_counts_the_keys_that_existed
                exists_counts_a_key_as_often_as_it_is_named
                an_expired_key_is_gone
                setex_sets_value_and_expiry
                setex_refuses_what_is_no_time
                expire_tells_whether_the_key_exists
                expire_in_the_past_removes
                expire_refuses_what_is_no_number
                persist_removes_the_expiry
                ttl_tells_missing_from_lasting;
            numbers:
                counting_begins_at_zero
                counting_goes_both_ways
                counting_keeps_the_expiry
                counting_refuses_what_is_no_number
                counting_refuses_to_overflow;
            batches:
                an_empty_batch_has_no_replies
                replies_come_in_the_order_of_their_requests
                an_error_leaves_its_neighbours_alone
                compound_operations_see_what_came_before_them
                concurrent_batches_keep_their_replies_apart;
            last:
                last_gives_the_newest_last
                last_gives_no_more_than_it_is_asked_for
                last_gives_what_there_is
                setting_again_makes_a_key_the_newest
                last_passes_over_removed_and_expired_keys
                last_gives_the_present_values
                last_refuses_a_count_that_is_none
                last_knows_keys_of_any_bytes
                last_reaches_no_deeper_than_its_depth
                last_without_depth_is_empty
                last_is_never_behind_its_own_client
                last_is_exact_while_many_changes_are_written
                last_is_kept_when_the_store_is_opened_again
                last_is_empty_after_a_clear;
            listing:
                keys_are_sorted_by_bytes_and_come_once
                a_pattern_chooses_keys
                patterns_are_those_of_valkey
                the_index_is_not_a_key
                size_counts_every_key_once
                clear_removes_every_key;
            prefix:
                what_is_under_another_prefix_stays
                a_prefix_with_glob_letters_is_taken_as_it_is;
            saving:
                save_ends_once_the_data_is_on_disk
                saves_at_one_time_all_succeed
                saving_in_the_background_tells_when_it_ended
                what_was_written_is_there_when_the_store_is_opened_again;
            setting:
                set_heeds_whether_the_key_exists
                set_takes_or_keeps_an_expiry
                set_refuses_contradictions_before_bad_times
                getex_changes_the_expiry_of_what_it_gets
                getdel_gets_and_removes;
            parts:
                values_grow_at_their_end
                ranges_are_got_and_set
                bits_are_set_got_and_counted
                values_are_combined_bit_by_bit
                integers_of_any_width_stand_in_values
                counting_takes_any_step
                fractions_are_added_in_80_bits;
            keys:
                keys_are_told_and_removed
                an_expiry_is_set_at_a_moment
                an_expiry_is_set_for_a_while
                an_expiry_is_changed_on_conditions
                a_value_tells_its_encoding;
            scanning:
                an_iteration_finds_every_key
                an_iteration_is_not_disturbed_by_changes
                an_iteration_chooses_keys
                the_index_is_not_found_by_scanning
                what_is_no_cursor_or_option_is_refused
                a_random_key_is_one_that_is_there;
            transactions:
                a_change_and_its_undoing_are_changes
                a_watch_is_forgotten_when_it_is_dropped
                a_watched_key_that_expires_is_a_change
                a_watch_past_its_limit_lets_nothing_take_place
                only_one_of_several_clients_wins
                the_index_cannot_be_watched;
            limits:
                keys_of_the_index_are_refused
                a_value_longer_than_a_reply_may_be_is_refused
                a_reply_may_be_as_long_as_it_likes_without_a_limit
                a_short_request_makes_no_value_that_no_reply_could_hold
                a_value_does_not_grow_past_what_a_reply_could_hold
                keys_longer_than_a_reply_may_be_are_refused
                last_longer_than_a_reply_may_be_is_refused
                health_is_up_while_the_store_answers;
            @together:
            setting:
                several_values_are_set_and_got_at_once
                what_stores_whole_values_counts_as_setting;
            parts:
                what_two_values_have_in_common_is_found
                too_long_values_are_not_compared;
            keys:
                a_copy_has_value_and_expiry
                a_renamed_key_keeps_value_and_expiry;
            transactions:
                a_transaction_replies_to_each_operation
                nobody_sees_a_part_of_a_transaction
                a_change_of_a_watched_key_ends_a_transaction
                what_changes_nothing_lets_a_transaction_take_place
                watched_keys_add_up;
        }
    };
}

/// One test for each promise.
macro_rules! one_each {
    ($engine:ident; $($file:ident: $($promise:ident)+;)*
        @together: $($other_file:ident: $($other:ident)+;)*) => {
        mod $engine {
            $(mod $file {
                $(#[test]
                fn $promise() {
                    crate::engine::check(crate::engine::$engine, crate::$file::$promise);
                })*
            })*

            mod together {
                $(mod $other_file {
                    $(#[test]
                    fn $other() {
                        crate::engine::check(crate::engine::$engine, crate::$other_file::$other);
                    })*
                })*
            }
        }
    };
}

/// One test for all promises, on an engine that takes long to start.
macro_rules! in_turn {
    ($engine:ident; $($file:ident: $($promise:ident)+;)*
        @together: $($other_file:ident: $($other:ident)+;)*) => {
        in_turn! {
            @ $engine $($($file $promise)*)* $($($other_file $other)*)*
        }
    };
    (@ $engine:ident $($file:ident $promise:ident)*) => {
        mod $engine {
            #[test]
            fn keeps_every_promise() {
                crate::engine::check_in_turn(crate::engine::$engine, &[$((
                    stringify!($promise),
                    &|subject| crate::engine::run(subject, crate::$file::$promise),
                )),*]);
            }
        }
    };
}

/// The same, without those on several keys together.
macro_rules! in_turn_but_together {
    ($engine:ident; $($file:ident: $($promise:ident)+;)* @together: $($rest:tt)*) => {
        in_turn! { @ $engine $($($file $promise)*)* }
    };
}

promises! { one_each embedded }
promises! { one_each embedded_prefixed }
promises! { one_each valkey_tcp }
promises! { one_each valkey_tcp_prefixed }
promises! { one_each valkey_unix }
promises! { one_each valkey_unix_prefixed }
promises! { one_each valkey_cached }
promises! { one_each valkey_cached_prefixed }
promises! { one_each valkey_tls }
promises! { one_each valkey_tls_prefixed }
promises! { in_turn sentinels }
promises! { in_turn sentinels_tls_prefixed }
promises! { in_turn cluster_with_a_tag }
promises! { in_turn_but_together cluster }
promises! { in_turn_but_together cluster_prefixed }
promises! { in_turn_but_together cluster_tls }
