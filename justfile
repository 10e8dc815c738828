# What CI runs, all of it.
check:
    .ci/run

# The tests; arguments choose among them.
test *arguments:
    ./test {{ arguments }}

# The main job on the examples.
quickstart:
    ./quickstart
