//! Prints `_native.pyi` from a library that was built with the feature `stub`: what its functions
//! declare, and `generic.pyi` for what PyO3 cannot describe.

use std::env;
use std::error::Error;
use std::io::{self, Write as _};

use pyo3_introspection::{introspect_cdylib, module_stub_files};

const WRITTEN: &str = include_str!("../generic.pyi");

fn main() -> Result<(), Box<dyn Error>> {
    let library = env::args().nth(1).ok_or("usage: stub LIBRARY")?;
    let mut module = introspect_cdylib(library, "_native")?;
    module.docstring = Some("Types of the native half; written by `make stub`.".to_owned());
    module.classes.retain(|class| !WRITTEN.contains(&format!("\nclass {}(", class.name)));
    for class in &mut module.classes {
        // Older type checkers do not know `disjoint_base`.
        class.decorators.clear();
    }
    let files = module_stub_files(&module);
    let described = files.into_values().next().ok_or("the module is not described")?;
    // PyO3 declares the types of exceptions as their common base.
    let described = described.replace("BaseException", "Error");
    Ok(write!(io::stdout(), "{described}\n{WRITTEN}")?)
}
