FROM node:24-slim
ENV NODE_ENV=production
WORKDIR /app

# Dependencies change less often than sources: a layer of their own. `npm install`, not `npm ci`: a lock file that was
# written on another platform may lack this one's optional packages.
COPY package.json package-lock.json ./
RUN npm install --omit=dev --no-audit --no-fund && npm cache clean --force

# Node runs the TypeScript sources as they are; nothing is built.
COPY LICENSE ./
COPY src ./src
COPY adapters ./adapters
COPY views ./views

# The operator's key file, and the SQLite store where that is chosen.
RUN mkdir data && chown node:node data
VOLUME /app/data
USER node

ENV LATCHKEY_HOST=0.0.0.0
EXPOSE 7700
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.LATCHKEY_PORT || 7700}/healthz`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "src/main.ts"]
