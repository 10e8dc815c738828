//! The supervisor of the throw-away server, as the tests' support has it.

fn main() {
    support::supervisor::main();
}
