# One image for all roles: the command is the role, as in `docker run … paystatus:0.1.0 gateway`.
#
# It holds Node.js, the compiled code with its production dependencies, and the schemas, on a base without a shell or a
# package manager. Runs as nobody in particular, writes nothing to its own file system, and needs no init: it starts no
# other process and answers signals as the first one (src/first-process.ts).
#
# `make image` builds it with the labels below, the same bytes from the same commit. Uses nothing that needs BuildKit.

ARG BUILD_IMAGE=node:24.21.0-bookworm-slim
ARG BASE_IMAGE=gcr.io/distroless/cc-debian12:nonroot

FROM ${BUILD_IMAGE} AS dependencies
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
# For a mirror of npm's registry; nothing of it remains in the image.
ARG NPM_CONFIG_REGISTRY=https://registry.npmjs.org/
RUN npm ci --omit=dev --workspaces=false

FROM dependencies AS compiled
# The compiler alone, in the version of package.json: tests and their tools are no part of this.
RUN npm install --prefix /compiler \
  $(node -p "const { devDependencies: d } = require('./package.json'); ['typescript', '@types/node'].map((n) => n + '@' + d[n]).join(' ')")
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN /compiler/node_modules/.bin/tsc --project tsconfig.build.json --typeRoots /compiler/node_modules/@types

# What goes into the image, with one time on every file.
FROM dependencies AS contents
ARG SOURCE_DATE_EPOCH=0
COPY --from=compiled /build/dist /contents/app/dist
COPY schemas /contents/app/schemas
COPY package.json LICENSE /contents/app/
RUN mkdir -p /contents/node/bin \
 && cp "$(command -v node)" /contents/node/bin/node \
 && cp -R node_modules /contents/app/node_modules \
 && find /contents/app -name '.package-lock.json' -delete \
 && chmod -R u=rwX,go=rX /contents \
 && find /contents -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +

FROM ${BASE_IMAGE}
ARG VERSION=0.0.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="paystatus" \
      org.opencontainers.image.description="Turns payment providers' HTTP callbacks into one Kafka topic that says what every payment's status is now." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
# Node.js changes seldom: a layer of its own.
COPY --from=contents /contents/node /nodejs
COPY --from=contents /contents/app /app
# In a container 127.0.0.1 is the container itself, so both servers listen on every address: publish what is to be reached.
ENV NODE_ENV=production \
    PAYSTATUS_GATEWAY_HOST=0.0.0.0 \
    PAYSTATUS_ADMIN_HOST=0.0.0.0
WORKDIR /app
USER 65532:65532
EXPOSE 8080 9090
# Alive, not ready: a process that waits for Kafka or Redis must not be replaced for it.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
  CMD ["/nodejs/bin/node", "/app/dist/healthcheck.js", "live"]
ENTRYPOINT ["/nodejs/bin/node", "/app/dist/main.js"]
CMD ["--help"]
