"""What goes wrong, and what requests get meanwhile: never is a forged one served."""
import gzip, io, signal, tarfile, tempfile, time

from bed import *
from layouts import ISTIO, PROXIES, an_envoy_gateway, istio_gateway, own

TESTS = []
SPACE, PLUGIN = "istio-ingress", "-n istio-ingress patch wasmplugin twilio-webhook --type merge -p"
REPOSITORY = "registry.example.com/twilio-proxy-wasm"


def test(name):
    def add(function):
        TESTS.append((name, function))
        return function
    return add


class Registry:
    """The registry, which can be away: to clients it takes no connection and answers none."""

    @staticmethod
    def down():
        sh("iptables -I INPUT -d 10.77.0.1 -p tcp --dport 443 -j REJECT --reject-with tcp-reset")

    @staticmethod
    def up():
        sh("iptables -D INPUT -d 10.77.0.1 -p tcp --dport 443 -j REJECT --reject-with tcp-reset")


@contextlib.contextmanager
def no_registry():
    Registry.down()
    try:
        yield
    finally:
        Registry.up()


def restart(wait=True):
    kubectl(f"-n {SPACE} rollout restart deploy/twilio-gateway")
    if wait:
        kubectl(f"-n {SPACE} rollout status deploy/twilio-gateway --timeout={SOON}s")


def configure(patch):
    kubectl(f"{PLUGIN} '{json.dumps({'spec': patch})}'")


def another_module(tag, section):
    """Pushes the same filter with a few bytes more, which make it another module."""
    module = open(next(os.path.join(ROOT, "dist", f) for f in os.listdir(f"{ROOT}/dist") if f.endswith(".wasm")), "rb").read() \
        if any(f.endswith(".wasm") for f in os.listdir(f"{ROOT}/dist")) else \
        open(f"{os.environ['MESH_TARGET']}/wasm32-wasip1/release/twilio_proxy_wasm.wasm", "rb").read()
    payload = bytes([4]) + b"note" + section.encode()
    module += bytes([0, len(payload)]) + payload
    sha = lambda data: "sha256:" + hashlib.sha256(data).hexdigest()

    def archive(files):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for name, data in files:
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        return buffer.getvalue()

    layer = archive([("plugin.wasm", module)])
    packed = gzip.compress(layer, mtime=0)
    config = json.dumps({"architecture": "wasm", "os": "wasip1", "config": {},
                         "rootfs": {"type": "layers", "diff_ids": [sha(layer)]}}).encode()
    kind = "application/vnd.oci.image."
    part = lambda media, data: {"mediaType": kind + media, "size": len(data), "digest": sha(data)}
    manifest = json.dumps({"schemaVersion": 2, "mediaType": kind + "manifest.v1+json", "config": part("config.v1+json", config),
                           "layers": [part("layer.v1.tar+gzip", packed)]}).encode()
    index = json.dumps({"schemaVersion": 2, "manifests": [part("manifest.v1+json", manifest)]}).encode()
    blobs = [(f"blobs/sha256/{hashlib.sha256(data).hexdigest()}", data) for data in (config, packed, manifest)]
    with tempfile.NamedTemporaryFile(dir=BED, suffix=".tar") as file:
        file.write(archive([("oci-layout", b'{"imageLayoutVersion":"1.0.0"}'), ("index.json", index)] + blobs))
        file.flush()
        sh(f"skopeo copy --quiet --insecure-policy oci-archive:{file.name} docker://{REPOSITORY}:{tag}")
    return sha(manifest)


@test("fault: the registry is down when the gateway starts, and comes back")
def registry_down():
    address = istio_gateway("wasm-plugin")
    with Load(address, good=None):
        with no_registry():
            restart()
            until(lambda: status(address, signed=TOKEN), 403, 90)
        # istio-agent does not try again by itself: what the guide says to do.
        restart()
        until(lambda: status(address, signed=TOKEN), 200)


@test("fault: the registry is down while the plugin is changed")
def registry_down_at_a_change():
    address = istio_gateway("wasm-plugin")
    with no_registry(), Load(address) as load:
        time.sleep(1)
        configure({"pluginConfig": {"max_body_bytes": 100_000}})
        until(lambda: status(address, params=[("a", "x" * 150_000)], signed=TOKEN), 413)
        time.sleep(1)
    expect(load.lost(), {}, "webhooks lost")


@test("fault: twenty changes of the plugin under load")
def changes():
    address = istio_gateway("wasm-plugin")
    with Load(address) as load:
        for number in range(20):
            limit = 100_000 + number
            configure({"pluginConfig": {"max_body_bytes": limit}})
            until(lambda: status(address, params=[("a", "x" * (limit - 2))], signed=TOKEN), 200)
            until(lambda: status(address, params=[("a", "x" * (limit - 1))], signed=TOKEN), 413)
    expect(load.lost(), {}, "webhooks lost")
    return f"{load.served('signed')} webhooks, none lost; {sum(load.answers.values())} requests"


@test("fault: another version of the module and back, under load")
def upgrade():
    another_module("0.1.1", "another")
    address = istio_gateway("wasm-plugin")
    with Load(address) as load:
        for tag in "0.1.1", "0.1.0", "0.1.1":
            configure({"url": f"oci://{REPOSITORY}:{tag}"})
            time.sleep(3)
    expect(load.lost(), {}, "webhooks lost")


@test("fault: a tag that moves does not change what is served")
def moved_tag():
    another_module("moving", "first")
    address = istio_gateway("wasm-plugin")
    configure({"url": f"oci://{REPOSITORY}:moving"})
    opens(address)
    with Load(address) as load:
        another_module("moving", "second")
        configure({"pluginConfig": {"max_body_bytes": 100_000}})
        until(lambda: status(address, params=[("a", "x" * 150_000)], signed=TOKEN), 413)
    expect(load.lost(), {}, "webhooks lost")


def opens(address):
    until(lambda: status(address, signed=TOKEN), 200)


@test("fault: a digest that is wrong, and one that is right")
def digest():
    right = another_module("0.1.1", "another")
    address = istio_gateway("wasm-plugin")
    with Load(address, good=None):
        configure({"url": f"oci://{REPOSITORY}@sha256:{'0' * 64}"})
        until(lambda: status(address, signed=TOKEN), 403)
        configure({"url": f"oci://{REPOSITORY}@{right}"})
        opens(address)


@test("fault: the digest in an EnvoyFilter is the image's, as its comment says, and not the module's")
def digest_in_envoy_filter():
    file = "istio/overlays/envoy-filter/plugin.yaml"
    said = """the digest of the image, the one after the @ in an image's
                    # name: with the module's own, all is denied.
                    sha256: nil"""
    module = open(f"{os.environ['MESH_TARGET']}/wasm32-wasip1/release/twilio_proxy_wasm.wasm", "rb").read()
    image = json.loads(sh(f"skopeo inspect docker://{REPOSITORY}:0.1.0 2>/dev/null"))["Digest"].removeprefix("sha256:")
    address = istio_gateway("envoy-filter")
    with Load(address, good=None):
        for digest, answer in (hashlib.sha256(module).hexdigest(), 403), (image, 200):
            with fault([(file, said, said.replace("nil", digest))]) as deploy:
                apply(f"{deploy}/istio/overlays/envoy-filter")
                until(lambda: status(address, signed=TOKEN), answer)


PRIVATE = "private.example.com:5443"


@contextlib.contextmanager
def private_registry():
    """A registry that wants a password, with the image in it."""
    place = f"{BED}/private"
    os.makedirs(place, exist_ok=True)
    digest = sh(r"""perl -e 'print crypt("test-password", "\$2b\$05\$abcdefghijklmnopqrstuu")'""")
    open(f"{place}/htpasswd", "w").write(f"gateway:{digest}\n")
    json.dump({"version": "0.1", "storage": {"filesystem": {"rootdirectory": place}},
               # istio-agent refuses a realm that is no address.
               "auth": {"htpasswd": {"realm": f"https://{PRIVATE}", "path": f"{place}/htpasswd"}},
               "http": {"addr": "10.77.0.1:5443", "tls": {"certificate": f"{BED}/pki/registry.crt", "key": f"{BED}/pki/registry.key"}}},
              open(f"{place}/config.yaml", "w"))
    with open(f"{BED}/logs/private.log", "w") as output:
        process = subprocess.Popen(["docker-registry", "serve", f"{place}/config.yaml"], stdout=output, stderr=output)
    try:
        until(lambda: sh(f"curl --silent -o /dev/null -w '%{{http_code}}' https://{PRIVATE}/v2/ || true"), "401")
        sh("skopeo copy --quiet --insecure-policy --dest-creds gateway:test-password "
           f"docker://{REPOSITORY}:0.1.0 docker://{PRIVATE}/twilio-proxy-wasm:0.1.0")
        yield f"{PRIVATE}/twilio-proxy-wasm:0.1.0"
    finally:
        process.kill()
        process.wait()


@test("fault: the pull secret is missing, and then there")
def pull_secret():
    address = istio_gateway("wasm-plugin")
    with private_registry() as image, Load(address, good=None):
        configure({"url": f"oci://{image}"})
        until(lambda: status(address, signed=TOKEN), 403)
        configure({"imagePullSecret": "registry-pull"})
        time.sleep(3)
        expect(status(address, signed=TOKEN), 403, "signed, with a pull secret that is not there")
        kubectl(f"-n {SPACE} create secret docker-registry registry-pull --docker-server={PRIVATE} "
                "--docker-username=gateway --docker-password=test-password")
        opens(address)


@test("fault: a variable that is not set")
def variable():
    address = istio_gateway("wasm-plugin")
    with Load(address, good=None):
        kubectl(f"-n {SPACE} create secret generic twilio-webhook --dry-run=client -o yaml --from-literal=TWILIO_AUTH_TOKEN=x "
                f"| kubectl -n {SPACE} replace -f -")
        restart(wait=False)
        until(lambda: status(address, signed="x"), lambda answer: answer in (403, 500))
        time.sleep(8)
        if status(address, signed="x") == 200:
            raise Failed("the filter started without a variable")


@test("fault: a bad configuration while serving, and at a start")
def bad_configuration():
    address = istio_gateway("wasm-plugin")
    with Load(address) as load:
        configure({"pluginConfig": {"modus": "off"}})
        until(lambda: log(SPACE, "twilio-gateway"), lambda text: "modus: is not a field here" in text)
        time.sleep(2)
    # What was there goes on.
    expect(load.lost(), {}, "webhooks lost")
    with Load(address, good=None):
        restart(wait=False)
        until(lambda: status(address, signed=TOKEN), lambda answer: answer in (403, 500, 503), 90)
        configure({"pluginConfig": {"modus": None}})
        until(lambda: status(address, signed=TOKEN), 200, 90)


@test("fault: istiod restarts, and the gateway too, under load")
def control_plane():
    address = istio_gateway("wasm-plugin")
    with Load(address) as load:
        kubectl("-n istio-system rollout restart deploy/istiod")
        kubectl(f"-n istio-system rollout status deploy/istiod --timeout={SOON}s")
        time.sleep(2)
    expect(load.lost(), {}, "webhooks lost")
    with Load(address) as load:
        restart()
    return f"restart of the gateway: {load.served('signed')} served, lost on closing connections: {load.lost()}"


@test("fault: Envoy Gateway restarts, with the registry down")
def envoy_gateway():
    address = an_envoy_gateway("deploy/envoy-gateway/overlay")
    with Load(address, good=None), no_registry():
        kubectl(f"-n {PROXIES} rollout restart deploy/envoy-gateway")
        kubectl(f"-n {PROXIES} rollout status deploy/envoy-gateway --timeout={SOON}s")
        time.sleep(10)
        answer = status(address, signed=TOKEN)
    kubectl("delete -k deploy/envoy-gateway/overlay --ignore-not-found")
    return f"signed webhooks got {answer}"


@test("fault: Envoy Gateway, a bad configuration while serving")
def envoy_gateway_bad_configuration():
    address = an_envoy_gateway("deploy/envoy-gateway/overlay")
    policy = "-n twilio-webhooks patch envoyextensionpolicy twilio-webhook --type json -p"
    field = "/spec/wasm/0/config/modus"
    with Load(address, good=None):
        kubectl(f"""{policy} '[{{"op": "add", "path": "{field}", "value": "off"}}]'""")
        until(lambda: log(PROXIES, "envoy-twilio-webhooks"), lambda text: "modus: is not a field here" in text)
        time.sleep(2)
        expect(status(address, signed=TOKEN), 200, "what was there goes on")
        kubectl(f"""{policy} '[{{"op": "remove", "path": "{field}"}}]'""")
        opens(address)
    kubectl("delete -k deploy/envoy-gateway/overlay --ignore-not-found")
