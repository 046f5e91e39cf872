//! Each unsafe block is called with what C may pass; `make miri` checks what the blocks do.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;

use super::*;

fn view(ptr: *const u8, len: usize) -> CastaliaStr {
    CastaliaStr { ptr: ptr.cast(), len }
}

#[test]
fn texts_of_the_caller_are_checked() {
    let text = String::from("größe");
    assert_eq!(CastaliaStr::of(&text).text().unwrap(), "größe");
    assert_eq!(view(std::ptr::null(), 0).text().unwrap(), "");
    let misshapen =
        [view(std::ptr::null(), 3), view(text.as_ptr(), usize::MAX), view(b"\xff".as_ptr(), 1)];
    for unusable in misshapen {
        assert_eq!(unusable.text().unwrap_err().kind(), ErrorKind::InvalidArgument);
    }
    let both = [CastaliaStr::of("a"), CastaliaStr::of(&text)];
    assert_eq!(texts(both.as_ptr(), both.len()).unwrap(), ["a", "größe"]);
    let odd = both.as_ptr().wrapping_byte_add(1);
    assert_eq!(texts(odd, 1).unwrap_err().kind(), ErrorKind::InvalidArgument);
    assert!(texts(both.as_ptr(), usize::MAX / 2).is_err());
}

#[test]
fn a_reason_ends_at_its_first_nul() {
    let refuse = |text: &'static str| {
        reason_of(move |buffer, capacity| {
            assert!(text.len() < capacity);
            // SAFETY: the buffer has `capacity` bytes.
            unsafe { std::ptr::copy_nonoverlapping(text.as_ptr(), buffer.cast(), text.len()) };
            1
        })
    };
    assert_eq!(refuse("too large").unwrap_err(), "too large");
    reason_of(|_, _| 0).unwrap();
}

#[test]
fn the_last_reference_frees_an_object() {
    let object = Arc::new(String::from("shared"));
    let first: *const String = hand_out(Arc::clone(&object));
    let second = count(first);
    assert_eq!(Arc::strong_count(&object), 3);
    take_back(first);
    take_back(second);
    assert_eq!(Arc::strong_count(&object), 1);
    assert!(count::<String>(std::ptr::null()).is_null());
    take_back::<String>(std::ptr::null());
}

#[test]
fn a_part_of_a_record_is_read_through_the_type_of_the_caller() {
    let record = json!({"name": "demo"});
    let part = lend_record(&record["name"]);
    assert_eq!(format!("{part:?}"), r#"CastaliaRecord(String("demo"))"#);
}

#[test]
fn user_data_are_released_once() {
    extern "C" fn release(data: *mut c_void) {
        // SAFETY: `data` is the counter below, which outlives the user data.
        unsafe { &*data.cast::<AtomicU32>() }.fetch_add(1, Ordering::Relaxed);
    }
    let released = AtomicU32::new(0);
    let data = UserData::new((&raw const released).cast_mut().cast(), Some(release));
    assert!(!data.get().is_null());
    drop(data);
    assert_eq!(released.load(Ordering::Relaxed), 1);
    drop(UserData::new(std::ptr::null_mut(), None));
}

#[test]
fn a_panic_becomes_an_error_and_writes_nothing() {
    let mut result = MaybeUninit::new(7);
    assert!(guard_into(Some(&mut result), || -> Result<i32> { panic!("a bug") }).is_some());
    // SAFETY: it was initialised above.
    assert_eq!(unsafe { result.assume_init() }, 7);
    assert!(guard_into(None, || Ok(1)).is_some());
    assert!(guard_into(Some(&mut result), || Ok(8)).is_none());
    assert_eq!(guard_or(3, || panic!("a bug")), 3);
    assert_eq!([found(|| Some(())), found(|| None), found(|| panic!("a bug"))], [1, 0, 0]);
}
