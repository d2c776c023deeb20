"""What the tests of the real control planes stand on: kubectl, requests as Twilio and as others send them, and a load of them."""
import base64, collections, contextlib, hashlib, hmac, http.client, json, os, re, socket, ssl, subprocess, threading, time, urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BED = os.environ["MESH_BED"]
HOST, TOKEN, NEXT = "hooks.example.com", "test-token-of-the-mesh", "test-token-next"
TLS = ssl.create_default_context(cafile=f"{BED}/pki/ca.crt")
FORM = [("AccountSid", "AC00000000000000000000000000000000"), ("Body", "hi there"), ("From", "+15005550006")]
# How long something may take that is on its way.
SOON = 60


class Failed(Exception):
    """What a test expected and did not find."""


class Late(Failed):
    """What a test waited for, and what may still be on its way."""


def sh(command, **options):
    """The output of a shell's command line, which has to succeed, and to end."""
    done = subprocess.run(["timeout", "400", "bash", "-euo", "pipefail", "-c", command], cwd=options.pop("cwd", ROOT), text=True,
                          capture_output=True, env={**os.environ, "TOKEN": TOKEN, "NEXT": NEXT, **options.pop("env", {})}, **options)
    if done.returncode != 0:
        output = done.stderr + done.stdout
        failure = Late if done.returncode == 124 or "timed out waiting" in output else Failed
        raise failure(f"{command}\n  exits with {done.returncode}: {output.strip()[-1500:]}")
    return done.stdout + done.stderr


def kubectl(arguments, **options):
    return sh(f"kubectl {arguments}", **options)


def get(arguments):
    return json.loads(subprocess.run(["kubectl", "get", *arguments.split(), "-o", "json"], check=True, capture_output=True).stdout)


def until(what, expectation, seconds=SOON):
    """Asks again until the answer is what it should be, and returns it."""
    end = time.monotonic() + seconds
    while True:
        try:
            answer = what()
        except (OSError, http.client.HTTPException, subprocess.CalledProcessError) as error:
            answer = repr(error)
        if expectation(answer) if callable(expectation) else answer == expectation:
            return answer
        if time.monotonic() > end:
            wanted = "something else" if callable(expectation) else expectation
            # 200 where something else is wanted is no matter of time.
            raise (Failed if answer == 200 else Late)(f"after {seconds} s it is {answer!r:.500}, not {wanted!r}")
        time.sleep(0.1)


def expect(found, wanted, what=""):
    if found != wanted:
        raise Failed(f"{what}: {found!r}, not {wanted!r}")


# --- Objects.

# What istiod says of every EnvoyFilter.
GENERIC = "EnvoyFilter exposes internal implementation details"


def apply(directory, options=""):
    """Applies a directory as a guide has it, by the strictest rules: no warning is a warning that may stay."""
    output = kubectl(f"apply -k {directory} --server-side --validate=strict {options}")
    warnings = [line for line in output.splitlines() if "arning" in line and GENERIC not in line]
    expect(warnings, [], f"apply -k {directory}")
    return output


def changes_nothing(directory):
    """What is there is what was applied, in every field."""
    kubectl(f"diff -k {directory} --server-side")


def no_namespace(name):
    """Nothing of that name. The Pods end first: istiod tells a proxy of a Secret that goes, asks whether it may read it, and
    where its Role has gone already, remembers for a minute that it may not. So would the next proxy of that name get none."""
    owners = "gateways.gateway.networking.k8s.io,deployments"
    sh(f"kubectl -n {name} delete {owners} --all --cascade=foreground --wait --timeout=90s; "
       f"kubectl delete namespace {name} --ignore-not-found --wait --timeout=90s")


def namespace(name, restricted=True):
    """An empty namespace, whatever was in it."""
    no_namespace(name)
    kubectl(f"create namespace {name}")
    if restricted:
        kubectl(f"label namespace {name} pod-security.kubernetes.io/enforce=restricted")
    until(lambda: subprocess.run(["kubectl", "-n", name, "get", "sa", "default"], capture_output=True).returncode, 0)


def secrets(gateway, proxies=None):
    """The two Secrets of the guides."""
    pki = f"{BED}/pki"
    kubectl(f"-n {gateway} create secret tls twilio-webhook-tls --cert={pki}/tls.crt --key={pki}/tls.key")
    kubectl(f"-n {proxies or gateway} create secret generic twilio-webhook "
            '--from-literal=TWILIO_AUTH_TOKEN="$TOKEN" --from-literal=TWILIO_AUTH_TOKEN_NEXT="$TOKEN"')


def application(space="default"):
    """The application behind: it tells what came to it."""
    kubectl(f"-n {space} apply -f tests/mesh/webhooks.yaml")
    kubectl(f"-n {space} rollout status deploy/webhooks --timeout={SOON}s")


def pods(space, selector):
    found = get(f"pods -n {space} -l {selector}")["items"]
    return [pod for pod in found if not pod["metadata"].get("deletionTimestamp")]


def service(space, selector, port=443):
    """Where a Service is to be reached, as HOST:PORT."""
    found = until(lambda: [s for s in get(f"services -n {space} {selector}").get("items", [])], bool)
    return found[0]["spec"]["clusterIP"], port


def log(space, name):
    """The logs of all containers whose Pod begins so."""
    texts = []
    for file in sorted(os.listdir(f"{BED}/logs")):
        if file.startswith(f"{space}_{name}"):
            texts.append(open(f"{BED}/logs/{file}", errors="replace").read())
    return "\n".join(texts)


# --- Requests.

def signature(url, params, token=TOKEN):
    text = url + "".join(name + value for name, value in sorted(params))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


class Client:
    """A connection that is kept as long as the proxy keeps it."""

    def __init__(self, address, host=HOST, tls=TLS):
        self.address, self.host, self.tls, self.connection = address, host, tls, None

    def send(self, path="/twilio/sms", params=FORM, signed=None, method="POST", headers=()):
        """The status, and the body. `signed`: a token, "forged", or nothing."""
        if self.connection is None:
            raw = socket.create_connection(self.address, 5)
            if self.tls:
                raw = self.tls.wrap_socket(raw, server_hostname=self.host)
            raw.settimeout(20)
            self.connection = http.client.HTTPConnection(self.host)
            self.connection.sock = raw
        all_headers = {"host": self.host, **dict(headers)}
        if method == "POST":
            all_headers["content-type"] = "application/x-www-form-urlencoded"
        if signed:
            all_headers["x-twilio-signature"] = signature(
                f"https://{self.host}{path}", params if method == "POST" else [], signed)
        try:
            body = urllib.parse.urlencode(params) if method == "POST" else None
            self.connection.request(method, path, body, all_headers)
            response = self.connection.getresponse()
            answer = response.status, response.read().decode("latin1")
            if response.will_close:
                self.close()
            return answer
        except Exception:
            self.close()
            raise

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None


def status(address, **request):
    client = Client(address, request.pop("host", HOST), request.pop("tls", TLS))
    try:
        return client.send(**request)[0]
    finally:
        client.close()


def serves(address, **request):
    """Waits until signed webhooks are served and forged ones are not."""
    until(lambda: status(address, signed=TOKEN, **request), 200)
    expect(status(address, signed="forged", **request), 403, "a forged webhook")


def scenarios(address, recorder):
    """Everything of scenarios/mesh.toml, and bodies of every size."""
    host, port = address
    sh(f"twilio-webhook scenario scenarios/mesh.toml --target envoy={host}:{port} --cacert {BED}/pki/ca.crt "
       f"--upstream http://{recorder}:8081", env={"TWILIO_AUTH_TOKEN": TOKEN})
    for size, wanted in (100_000, 200), (262_144, 200), (262_145, 413):
        expect(status(address, params=[("a", "x" * (size - 2))], signed=TOKEN), wanted, f"{size} bytes")


def counters(space, pod, port=15020, path="/stats/prometheus"):
    """The filter's counters of a Pod, by their labels."""
    connection = http.client.HTTPConnection(pod["status"]["podIP"], port, timeout=10)
    connection.request("GET", path)
    text = connection.getresponse().read().decode()
    lines = re.findall(r"^twilio_webhook_requests_total\{(.*)\} (\d+)", text, re.M)
    return {tuple(sorted(re.findall(r'(route|verdict|reason)="(.*?)"', labels))): int(count) for labels, count in lines}


class Load:
    """Webhooks that come in without end: forged, unsigned and, if wanted, signed, each kind every few milliseconds, on
    connections that are kept and on new ones."""

    def __init__(self, address, good=TOKEN, pause=0.004, **request):
        self.address, self.good, self.pause, self.request = address, good, pause, request
        self.answers, self.moments = collections.Counter(), {}

    def __enter__(self):
        self.over = threading.Event()
        kinds = [("forged", True), ("forged", False), ("unsigned", True)] + ([("signed", True)] * 2 if self.good else [])
        self.threads = [threading.Thread(target=self.run, args=kind, daemon=True) for kind in kinds]
        [thread.start() for thread in self.threads]
        self.start = time.monotonic()
        return self

    def run(self, kind, kept):
        request = dict(self.request)
        client = Client(self.address, request.pop("host", HOST), request.pop("tls", TLS))
        while not self.over.is_set():
            signed = {"forged": "another-token", "unsigned": None, "signed": self.good}[kind]
            try:
                answer, body = client.send(signed=signed, **request)
                if "upstream" in body:
                    answer = "SERVED"
            except (OSError, http.client.HTTPException) as error:
                answer = type(error).__name__
            if not kept:
                client.close()
            self.answers[kind, answer] += 1
            first, _ = self.moments.get((kind, answer), (time.monotonic(), None))
            self.moments[kind, answer] = first, time.monotonic()
            time.sleep(self.pause if isinstance(answer, int) or answer == "SERVED" else 0.02)
        client.close()

    def __exit__(self, kind, *_):
        # Enough of them to say something, on a busy machine too.
        end = time.monotonic() + 30
        while kind is None and time.monotonic() < end and min(map(self.sent, ("forged", "unsigned"))) < 20:
            time.sleep(0.1)
        self.over.set()
        [thread.join(30) for thread in self.threads]
        if kind is None:
            self.check()

    def sent(self, kind):
        return sum(count for (of, _), count in list(self.answers.items()) if of == kind)

    def served(self, kind):
        return self.answers[kind, "SERVED"]

    def check(self):
        for kind in "forged", "unsigned":
            sent = self.sent(kind)
            if sent < 20:
                raise Failed(f"only {sent} {kind} requests were sent: {dict(self.answers)}")
            if self.served(kind):
                first, last = self.moments[kind, "SERVED"]
                raise Failed(f"{self.served(kind)} {kind} requests of {sent} were served, from {first - self.start:.1f} s "
                             f"to {last - self.start:.1f} s: {dict(self.answers)}")

    def lost(self):
        """Signed requests that were not served."""
        return {answer: count for (kind, answer), count in self.answers.items() if kind == "signed" and answer != "SERVED"}


@contextlib.contextmanager
def fault(edits):
    """deploy/ with something changed in it, as (file, old, new): the path of a copy."""
    import shutil, tempfile
    with tempfile.TemporaryDirectory(dir=BED) as directory:
        shutil.copytree(f"{ROOT}/deploy", f"{directory}/deploy")
        for file, old, new in edits:
            path = f"{directory}/deploy/{file}"
            text = open(path).read()
            if old not in text:
                raise Failed(f"deploy/{file} has no {old!r}")
            open(path, "w").write(text.replace(old, new))
        yield f"{directory}/deploy"
