//! Native half of the Kotlin package: thin objects over the client. The JVM takes what there is to
//! take. Only the runtime calls into the JVM, to report that a wait is over, so no object of a
//! class loader is kept here.

mod client;
mod content;
mod error;
mod event;
mod json;
mod log;
mod namespace;
mod test_panic;
mod validator;
mod value;

// A panic that does not unwind cannot be caught at the boundary and would end the JVM.
#[cfg(not(panic = "unwind"))]
compile_error!("castalia-kotlin must be built with panic = \"unwind\"");

uniffi::setup_scaffolding!("castalia");
