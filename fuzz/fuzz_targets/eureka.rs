//! Bodies that clients and peers of an Eureka server send: an accepted instance survives being
//! written and read again, in both forms.
#![no_main]

use castalia_eureka::{Instance, Lease, batch, json, xml};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = batch::read_outcomes(bytes);
    if let Ok(items) = batch::read(bytes) {
        let accepted: Vec<_> = items.into_iter().filter_map(Result::ok).collect();
        let read = batch::read(&batch::write(&accepted)).expect("our own batch is valid");
        assert!(read.iter().eq(accepted.into_iter().map(Ok).collect::<Vec<_>>().iter()));
    }
    for instance in [Instance::from_json(bytes), Instance::from_xml(bytes)].into_iter().flatten() {
        let written = json::instance(&Lease::unregistered(instance.clone()));
        assert_eq!(Instance::from_json(&written).expect("our own JSON is valid"), instance);
        // Metadata whose keys are no names, and characters that XML forbids, are not in this form.
        let _ = Instance::from_xml(&xml::instance(&Lease::unregistered(instance)));
    }
});
