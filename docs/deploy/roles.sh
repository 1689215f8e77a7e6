#!/bin/sh
# Runs once, when PostgreSQL makes its cluster: the database's owner, who migrates, and the role that the product works as.
set -eu
psql --quiet --set=ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname "$POSTGRES_DB" \
    --set=owner="$OWNER_PASSWORD" --set=application="$APPLICATION_PASSWORD" --set=database="$POSTGRES_DB" <<'SQL'
SELECT format('CREATE ROLE %I', name) FROM unnest(ARRAY['drypowder_owner', 'drypowder_app']) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec
ALTER ROLE drypowder_owner LOGIN PASSWORD :'owner';
ALTER ROLE drypowder_app LOGIN PASSWORD :'application';
ALTER DATABASE :"database" OWNER TO drypowder_owner;
SQL
