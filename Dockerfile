# One image for all roles: the command is the role, as in `docker run … paystatus:0.1.0 gateway`.
#
# It holds Node.js, the compiled code with its production dependencies, schemas and the console's files, on a base without a shell or a
# package manager. It runs as an unprivileged user, writes nothing to its file system, and needs no init: it starts no
# other process and handles signals as process 1 (src/first-process.ts).
#
# `make image` builds it with the labels below; the same commit gives the same bytes. BuildKit is not needed.

ARG BUILD_IMAGE=node:24.21.0-bookworm-slim
ARG BASE_IMAGE=gcr.io/distroless/cc-debian12:nonroot

FROM ${BUILD_IMAGE} AS dependencies
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
# For a mirror of npm's registry; nothing of it stays in the image.
ARG NPM_CONFIG_REGISTRY=https://registry.npmjs.org/
RUN npm ci --omit=dev --workspaces=false

FROM dependencies AS compiled
# Only the compiler, in the version of package.json; no tests or their tools.
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
COPY public /contents/app/public
COPY docs/runbooks /contents/app/docs/runbooks
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
      org.opencontainers.image.description="Turns payment providers' HTTP callbacks into two Kafka topics: every payment's current status, and each step that led to it." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
# Node.js changes rarely, so it is a layer of its own.
COPY --from=contents /contents/node /nodejs
COPY --from=contents /contents/app /app
# In a container 127.0.0.1 is the container itself, so all servers listen on every address. Publish only what is needed.
ENV NODE_ENV=production \
    PAYSTATUS_GATEWAY_HOST=0.0.0.0 \
    PAYSTATUS_ADMIN_HOST=0.0.0.0 \
    PAYSTATUS_CONSOLE_HOST=0.0.0.0
WORKDIR /app
USER 65532:65532
EXPOSE 8080 8090 9090
# Checks liveness, not readiness: a process that waits for Kafka or Redis must not be replaced.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
  CMD ["/nodejs/bin/node", "/app/dist/healthcheck.js", "live"]
ENTRYPOINT ["/nodejs/bin/node", "/app/dist/main.js"]
CMD ["--help"]
