# The one binary in an image of its own. Build it first: make build.
FROM scratch
COPY bin/meseta /meseta
ENTRYPOINT ["/meseta"]
