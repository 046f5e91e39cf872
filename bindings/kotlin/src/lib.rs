//! Native half of the Kotlin package: thin objects over the client. The JVM takes from them what there is to take; nothing
//! here calls into the JVM but the runtime, to say that a wait is over. So nothing of one class loader is kept here.

mod call;
mod client;
mod content;
mod error;
mod event;
mod in_memory;
mod json;
mod log;
mod metrics;
mod namespace;
#[cfg(debug_assertions)]
mod test_panic;
mod validator;
mod value;

// A panic that is not unwound cannot be caught at the border, and ends the JVM.
#[cfg(not(panic = "unwind"))]
compile_error!("castalia-kotlin must be built with panic = \"unwind\"");

uniffi::setup_scaffolding!("castalia");
