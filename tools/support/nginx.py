"""nginx as the static host of a measurement: one folder, over HTTP/2 with TLS, with a log of what was asked for."""

import os
import pathlib
import shutil
import subprocess
import time

PORT = 8443

CONFIGURATION = """
daemon off;
{user}
worker_processes 1;
pid {work}/nginx.pid;
error_log {work}/error.log;
worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{
    log_format counted '$request_method $status $bytes_sent $request_uri';
    access_log {work}/access.log counted;
    client_body_temp_path {work}/body;
    proxy_temp_path {work}/proxy;
    fastcgi_temp_path {work}/fastcgi;
    uwsgi_temp_path {work}/uwsgi;
    scgi_temp_path {work}/scgi;
    types {{ text/html html; }}
    default_type application/octet-stream;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 100000;
    server {{
        listen {address}:{port} ssl http2;
        ssl_certificate {work}/server.pem;
        ssl_certificate_key {work}/server.key;
        root {root};
        index index.html;
        # Static hosts compress text; wheels are compressed already.
        location ~ ^/[^/]+/index/ {{ gzip on; gzip_types *; }}
        # PyPI lets clients use a page for ten minutes before they ask again.
        location /simple/ {{ gzip on; gzip_types *; add_header Cache-Control max-age=600; }}
        # So do the static hosts of pages, for every file. The other files of a registry are kept by their digests anyway.
        location ~ ^/[^/]+/log/checkpoint$ {{ add_header Cache-Control max-age=600; }}
    }}
}}
"""


class Nginx:
    """Serves `root` at `url` until closed. `prefix` is a command before nginx, such as one that enters a namespace."""

    def __init__(self, root, work, address="127.0.0.1", prefix=()):
        self.url = f"https://{address}:{PORT}"
        self.work = pathlib.Path(work)
        self.work.mkdir(parents=True)
        self.authority = self._certificates(address)
        configuration = self.work / "nginx.conf"
        configuration.write_text(
            CONFIGURATION.format(
                root=root,
                work=self.work,
                address=address,
                port=PORT,
                user="user root;" if os.geteuid() == 0 else "",
            )
        )
        program = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin") or "nginx"
        command = [*prefix, program, "-e", str(self.work / "error.log"), "-c", str(configuration)]
        self.process = subprocess.Popen(command)
        self._wait()

    def _certificates(self, address):
        """Makes an authority and a certificate of the server; returns the file of the authority."""
        authority, server = self.work / "authority", self.work / "server"
        make = [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
        ]
        for command in (
            [*make, "-keyout", f"{authority}.key", "-out", f"{authority}.pem", "-subj", "/CN=rvp bench authority"],
            [*make, "-keyout", f"{server}.key", "-out", f"{server}.pem", "-subj", "/CN=rvp bench"]
            + ["-CA", f"{authority}.pem", "-CAkey", f"{authority}.key"]
            + ["-addext", f"subjectAltName=IP:{address}", "-addext", "basicConstraints=critical,CA:FALSE"],
        ):
            subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        return f"{authority}.pem"

    def _wait(self):
        """Waits until the port is open, as the process's own network namespace tells it."""
        listening = f":{PORT:04X} 00000000:0000 0A"
        for _ in range(100):
            if self.process.poll() is not None:
                raise SystemExit(f"error: nginx did not start:\n{(self.work / 'error.log').read_text()}")
            if listening in pathlib.Path(f"/proc/{self.process.pid}/net/tcp").read_text():
                return
            time.sleep(0.05)
        raise SystemExit(f"error: nginx did not open port {PORT} within 5 s; see {self.work}/error.log")

    def requests(self):
        """The requests since the last call: for each the path that was asked for, and the bytes sent, headers included."""
        # nginx writes a request's line when its last byte is handed to the kernel, which may be after the client is done.
        time.sleep(0.2)
        log = self.work / "access.log"
        lines = [line.split(" ", 3) for line in log.read_text().splitlines()]
        # The file stays open in nginx, in append mode: it goes on at the new end.
        os.truncate(log, 0)
        return [(path, int(size)) for _method, _status, size, path in lines]

    def count(self):
        """How many requests there were since the last call, and their bytes."""
        sizes = [size for _path, size in self.requests()]
        return len(sizes), sum(sizes)

    def processor_seconds(self):
        """What its workers have used of the processor."""
        fields = (pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split() for pid in self._workers())
        return sum(int(user) + int(system) for user, system in (line[11:13] for line in fields)) / os.sysconf(
            "SC_CLK_TCK"
        )

    def _workers(self):
        return pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()

    def close(self):
        self.process.terminate()
        self.process.wait()
