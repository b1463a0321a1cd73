#!/bin/bash
# Makes the database cluster once, and sets the administrator's password when it was rotated.
set -euo pipefail
umask 077
password=/etc/postgresql-admin/password
parent=$(dirname "$PGDATA")
digest=$(sha256sum <"$password" | cut -d' ' -f1)

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  # Made aside and moved: a pod killed here leaves nothing that looks like a database.
  rm -rf "$parent/initialising"
  initdb --pgdata="$parent/initialising" --username=postgres --encoding=UTF8 --locale=C.UTF-8 \
    --auth=scram-sha-256 --pwfile="$password" --data-checksums
  mv "$parent/initialising" "$PGDATA"
  printf '%s' "$digest" >"$parent/admin-password.sha256"
elif [ "$(cat "$parent/admin-password.sha256" 2>/dev/null)" != "$digest" ]; then
  printf "ALTER ROLE postgres PASSWORD '%s'\n" "$(sed "s/'/''/g" "$password")" |
    postgres --single -D "$PGDATA" -c log_statement=none postgres >/dev/null
  printf '%s' "$digest" >"$parent/admin-password.sha256"
fi
