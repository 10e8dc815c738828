# The `devflow` command in an image without a shell: docker build -t devflow .
# A project's image adds its files: FROM devflow, then COPY devflow.yml and the migrations into /project.
FROM rust:1.95-bookworm AS build
WORKDIR /source
COPY . .
RUN cargo build --release --locked -p devflow-cli

# The C library, libgcc_s and the certificates of public authorities; the user `nonroot` has the number 65532.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /source/target/release/devflow /usr/local/bin/devflow
WORKDIR /project
USER 65532:65532
# Process number 1 gets every signal itself: it rolls back at SIGTERM, which a shell in between would not pass on.
ENTRYPOINT ["/usr/local/bin/devflow"]
CMD ["--help"]
