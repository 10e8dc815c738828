//! Starts PostgreSQL for a test run and stops it when the run is over; see `support::supervisor`.

fn main() {
    support::supervisor::main();
}
