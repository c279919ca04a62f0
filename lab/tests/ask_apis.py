"""Runs in ctl as root: a table of each service's database is away for SECONDS, and every API is asked.

Each service then writes a traceback that is its own: the APIs for the questions, the others for
their heartbeats. A table that is away is an error at once; for a database that is away, services
would wait. Plain standard library; says on standard error what each API answered.
"""
import subprocess
import sys
import threading
import time

sys.path.insert(0, "/usr/local/lib/smog-lab")
import ready  # noqa: E402  (from the lab's own folder)

# database, table; those that are not there are left out
TABLES = (("keystone", "project"), ("glance", "images"), ("placement", "resource_providers"), ("nova_api", "flavors"),
          ("nova", "services"), ("nova_cell0", "services"), ("nova_cell1", "services"),
          ("neutron", "networks"), ("neutron", "agents"))
QUESTIONS = (("keystone", ready.KEYSTONE + "/v3/projects"), *ready.APIS)


def sql(statements):
    return subprocess.run(["mariadb", "-N"], input=statements, check=True, text=True, stdout=subprocess.PIPE).stdout


def ask(name, url):
    try:
        ready.call(url, token, timeout=60)
        print(name, "answered", file=sys.stderr, flush=True)
    except Exception as error:  # as it should be
        print(name, error, file=sys.stderr, flush=True)


there = {tuple(line.split("\t")) for line in
         sql("SELECT table_schema, table_name FROM information_schema.tables").splitlines()}
tables = [table for table in TABLES if table in there]
token = ready.log_in()
for name, url in QUESTIONS:  # the token is known to every API now
    ready.call(url, token)
try:
    sql("".join(f"RENAME TABLE {base}.{table} TO {base}.{table}_away;" for base, table in tables))
    asked = [threading.Thread(target=ask, args=question) for question in QUESTIONS]
    for thread in asked:
        thread.start()
    time.sleep(float(sys.argv[1]))
finally:
    sql("".join(f"RENAME TABLE IF EXISTS {base}.{table}_away TO {base}.{table};" for base, table in tables))
for thread in asked:
    thread.join()
