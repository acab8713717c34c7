# syntax=docker/dockerfile:1

FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Scripts would fetch a Node and a Postgres for this machine: the image has the one and needs no other.
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json LICENSE ./
COPY setup setup
COPY src src
COPY workflows workflows
COPY activities activities
RUN node setup/build.mjs

FROM node:24-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Temporal's SDK brings its native part for five platforms, 30 MB each.
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts --omit=dev \
  && cd node_modules/@temporalio/core-bridge/releases \
  && find . -mindepth 1 -maxdepth 1 ! -name "$(uname -m)-unknown-linux-gnu" -exec rm -r {} +

FROM node:24-slim
ENV NODE_ENV=production HOST=0.0.0.0
WORKDIR /app
COPY package.json ./
COPY --from=packages /app/node_modules node_modules
COPY --from=build /app/dist dist
USER node
EXPOSE 3000
# Of the server, which is the default role; the worker has a check of its own in docker-compose.yml.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 3000}/readyz`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# Requests that wait for their commit outlive the collections of a small young generation; and the old one
# is not left to grow to twice its size before it is collected.
CMD ["node", "--max-semi-space-size=32", "--heap-growing-percent=80", "dist/src/server.js"]
