# One image, four commands (web, ingest, worker, scheduler); docker-compose.yml says which is which.
# Classic builder syntax only, so that podman and old engines build it too.

FROM docker.io/library/node:24-bookworm-slim AS frontend
WORKDIR /build
COPY package.json package-lock.json ./
# No package of ours needs an install script, so none gets to run one.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY central/web/frontend central/web/frontend
RUN node central/web/frontend/build.mjs


FROM docker.io/library/python:3.11-slim-bookworm AS packages
RUN python3 -m venv /opt/venv
COPY requirements-central.lock .
RUN /opt/venv/bin/pip install --no-cache-dir --require-hashes -r requirements-central.lock
COPY central/web/translations translations
RUN /opt/venv/bin/pybabel compile -d translations \
    && /opt/venv/bin/pip uninstall --yes --quiet pip setuptools


FROM docker.io/library/python:3.11-slim-bookworm
RUN apt-get update \
    && apt-get install --yes --no-install-recommends make \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin attendance
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPATH=/app \
    LANG=C.UTF-8 \
    ALEMBIC_CONFIG=/app/migrations/alembic.ini
WORKDIR /app
COPY --from=packages /opt/venv /opt/venv
COPY app app
COPY contracts contracts
COPY firmware_config firmware_config
COPY central central
COPY migrations migrations
COPY devkit devkit
COPY dev Makefile ./
COPY scripts scripts
COPY --from=packages /translations central/web/translations
COPY --from=frontend /build/central/web/static/dist central/web/static/dist
# The deployment calls `npm run migrate`; there is no npm here, only what it is called for.
RUN ln -s /app/scripts/npm-shim.sh /usr/local/bin/npm \
    && python3 -m compileall -q /app
USER attendance
EXPOSE 8080
CMD ["gunicorn", "-c", "python:central.web.gunicorn", "--bind", "0.0.0.0:8080", "central.wsgi:app"]
