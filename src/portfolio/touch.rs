//! Touches memory that was set aside, off the locks of messages: where the kernel gives huge pages, the first touch of each waits
//! until two megabytes are found and cleared. Touched is what lies that far apart, so that small pages cost next to nothing.
//! Must not know what the memory is for.

use hashbrown::HashTable;

/// Half a huge page, since blocks do not begin where pages do.
const STEP_BYTES: usize = 1 << 20;

fn step<T>() -> usize {
    (STEP_BYTES / size_of::<T>()).max(1)
}

/// Touches the part of a list that is not used yet.
pub(super) fn touch_list<T: Copy>(list: &mut Vec<T>, value: T) {
    for place in list.spare_capacity_mut().iter_mut().step_by(step::<T>()) {
        place.write(value);
    }
}

/// Touches a table, whatever is in it.
pub(super) fn touch_table<T: Copy>(table: &mut HashTable<T>, value: T) {
    // It is filled to seven eighths.
    let buckets = (table.capacity() * 8 / 7).next_power_of_two();
    for place in (0..buckets).step_by(step::<T>()) {
        if table.len() == table.capacity() {
            return;
        }
        // A hash leads to the place that its low bits name. There is room: nothing is hashed again.
        table.insert_unique(place as u64, value, |_| 0).remove();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_touched_stays_as_it_was() {
        let (mut list, mut table) = (Vec::with_capacity(1_000_000), HashTable::with_capacity(1_000_000));
        (0..10_000u64).for_each(|number| {
            list.push(number);
            table.insert_unique(number, number, |number| *number);
        });
        let room = (list.capacity(), table.capacity());
        touch_list(&mut list, 7);
        touch_table(&mut table, 7);
        assert_eq!((list.capacity(), table.capacity()), room);
        assert!(list.iter().copied().eq(0..10_000) && table.len() == 10_000);
        assert!((0..10_000).all(|number| table.find(number, |known| *known == number).is_some()));
        let mut empty = HashTable::<u64>::new();
        touch_table(&mut empty, 7);
        assert_eq!(empty.capacity(), 0);
    }
}
