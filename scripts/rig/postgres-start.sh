#!/bin/sh
# What the postgres image does at its start: a new cluster from POSTGRES_*, then the server.
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    mkdir -p "$PGDATA"
    printf '%s' "$POSTGRES_PASSWORD" >/tmp/password
    chown -R postgres /var/lib/postgresql /tmp/password
    # POSTGRES_INITDB_ARGS are several words on purpose.
    su postgres -c "PATH=$PATH initdb -D $PGDATA -U $POSTGRES_USER --pwfile=/tmp/password \
        --encoding=UTF8 --auth-local=trust --auth-host=scram-sha-256 $POSTGRES_INITDB_ARGS"
    rm /tmp/password
    echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
    if [ "$POSTGRES_DB" != postgres ]; then
        echo "CREATE DATABASE $POSTGRES_DB" |
            su postgres -c "PATH=$PATH postgres --single -D $PGDATA postgres" >/dev/null
    fi
fi
exec setpriv --reuid=postgres --regid=postgres --clear-groups \
    postgres -D "$PGDATA" -c listen_addresses='*' -c unix_socket_directories=/tmp
