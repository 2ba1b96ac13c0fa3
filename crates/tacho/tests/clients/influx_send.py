"""Writes to an Influx server what its tests look for: influx_send.py VERSION HOST PORT."""
import sys
from datetime import datetime, timezone

version, host, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
now = datetime.now(timezone.utc)


def v1():
    from influxdb import InfluxDBClient
    from influxdb.exceptions import InfluxDBClientError

    c = InfluxDBClient(host=host, port=port, database="tele", gzip=True)
    print("ping", c.ping())
    c.create_database("tele")
    point = {
        "measurement": "cpu",
        "tags": {"host": "web 1", "zone": "a=b,c"},
        "time": now,
        "fields": {"user": 12.5, "procs": 7, "up": True, "name": 'say "hi"\nthere'},
    }
    assert c.write_points([point])
    assert c.write_points(
        [{"measurement": "load", "fields": {"value": 0.75}, "time": int(now.timestamp())}],
        time_precision="s",
    )
    try:
        c.write(["ok value=1", "broken"], {"db": "tele"}, protocol="line")
        sys.exit("a broken line was not refused")
    except InfluxDBClientError as error:
        print("refused", error.code, error.content)
    try:
        c.query("SELECT * FROM cpu")
        sys.exit("a query was answered")
    except InfluxDBClientError as error:
        print("query", error.code, error.content)


def v2():
    from influxdb_client import InfluxDBClient, Point
    from influxdb_client.client.write_api import SYNCHRONOUS
    from influxdb_client.rest import ApiException

    url = f"http://{host}:{port}"
    with InfluxDBClient(url=url, token="t", org="o", enable_gzip=True) as c:
        print("health", c.health().status)
        print("ping", c.ping(), c.version())
        with c.write_api(write_options=SYNCHRONOUS) as write:
            point = Point("mem").tag("host", "web").field("used", 4096).field("free", 0.25)
            write.write(bucket="metrics", record=point.time(now))
            try:
                write.write(bucket="metrics", record="fine n=1i\nbroken line\n")
                sys.exit("a broken line was not refused")
            except ApiException as error:
                print("refused", error.status, error.body)
        # The batching way, as most programs use it.
        with c.write_api() as write:
            for n in range(1000):
                write.write(bucket="metrics", record=f"batch,n={n} value={n}i")


{"v1": v1, "v2": v2}[version]()
