"""The guides' commands as they stand, in their order, in a copy of the repository, while nobody's requests come in."""
import contextlib, functools, shutil

from bed import *
from layouts import DIALLED, PROXIES, own, without_sidecar

TESTS = []
WORK = f"{BED}/reader"
OVERLAY = {}


def test(name):
    def add(function):
        TESTS.append((name, function))
        return function
    return add


def sections(guide):
    """The commands of a guide, by the heading they are under."""
    found, heading, block = {}, "", None
    for line in open(f"{ROOT}/docs/{guide}").read().replace("\\\n", " ").splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ")
        elif line.startswith("```"):
            block = [] if line == "```console" else None
        elif block is not None:
            found.setdefault(heading, []).append(line.removeprefix("$ "))
    return found


def reader():
    """Where somebody has cloned the repository, and put a certificate and its key."""
    shutil.rmtree(WORK, ignore_errors=True)
    os.makedirs(WORK)
    for name in os.listdir(ROOT):
        if name != "deploy":
            os.symlink(f"{ROOT}/{name}", f"{WORK}/{name}")
    shutil.copytree(f"{ROOT}/deploy", f"{WORK}/deploy")
    for end in "crt", "key":
        os.symlink(f"{BED}/pki/tls.{end}", f"{WORK}/tls.{end}")


def follow(commands):
    """Runs commands in one shell, as somebody types them, but for what has been made already. Which overlay is theirs they
    have said before, if not here."""
    for command in commands:
        if command.startswith("export OVERLAY="):
            OVERLAY["OVERLAY"] = command.partition("=")[2]
    sh("\n".join(command for command in commands if not command.startswith("make ")), cwd=WORK, env=OVERLAY)


def apart(commands):
    """The command that goes on in another terminal, and the others."""
    others = [command for command in commands if " port-forward " not in command]
    [forward] = set(commands) - set(others)
    return forward, others


@contextlib.contextmanager
def goes_on(command):
    """A command in another terminal, from its first line until what follows has ended."""
    terminal = subprocess.Popen(["bash", "-c", f"exec {command}"], cwd=WORK, stdout=subprocess.PIPE, text=True)
    try:
        if not terminal.stdout.readline():
            raise Failed(f"{command}\n  ends with {terminal.wait()}")
        yield
    finally:
        terminal.kill()
        terminal.wait()


def probe_through(forward, commands):
    """The probe among these commands, before the host's name leads anywhere."""
    *before, probe = commands
    with goes_on(forward):
        follow([*before, f"{probe} --connect 127.0.0.1:8443 --cacert {BED}/pki/ca.crt"])


def dialled(address):
    """From now on the host's name leads there: on a machine of Twilio's, and on ours."""
    lines = [line for line in open("/etc/hosts") if HOST not in line]
    open("/etc/hosts", "w").write("".join(lines) + f"{address[0]} {HOST}\n")


def until_dialled(space, select):
    """The reader waits for an address before the rest."""
    address = service(space, select)
    dialled(address)
    return address


def split(commands, beginning):
    """The commands before the first that begins so, and from it on."""
    place = next(number for number, command in enumerate(commands) if command.startswith(beginning))
    return commands[:place], commands[place:]


@test("guide: istio, a gateway of its own, and day two")
def istio():
    reader()
    no_namespace("istio-ingress")
    guide = sections("istio.md")
    forward, commands = apart(guide["A gateway of its own"])
    install, look = split(commands, "export TWILIO")
    follow(guide["Istio"] + install)
    probe_through(forward, look)
    address = until_dialled("istio-ingress", "--field-selector metadata.name=twilio-gateway")
    serves(address)
    with Load(address) as load:
        follow(look)
        follow(guide["Roll out"])
        follow(guide["Look"])
        # Upgrade and roll back are an apply after a change of one line.
        sh("sed -i 's|twilio-proxy-wasm:0.1.0 #|twilio-proxy-wasm:next #|' deploy/istio/overlays/wasm-plugin/kustomization.yaml", cwd=WORK)
        sh("skopeo copy --quiet --insecure-policy docker://registry.example.com/twilio-proxy-wasm:0.1.0 docker://registry.example.com/twilio-proxy-wasm:next")
        follow(guide["Roll out"])
        sh("sed -i 's|twilio-proxy-wasm:next #|twilio-proxy-wasm:0.1.0 #|' deploy/istio/overlays/wasm-plugin/kustomization.yaml", cwd=WORK)
        follow(guide["Roll out"])
    expect(load.lost(), {}, "webhooks lost")
    with Load(address, good=None):
        follow(guide["Rotate a token"])
        until(lambda: status(address, signed=NEXT), 200)
        expect(status(address, signed=TOKEN), 200, "the old token")
        follow(guide["Remove"])
    left = kubectl("-n istio-ingress get deploy,service,secret,pdb,wasmplugin,envoyfilter,virtualservice,gateways.networking.istio.io -o name")
    expect([line for line in left.splitlines() if line.count("/")], [], "what is left")


@test("guide: istio, report mode and back")
def report():
    reader()
    no_namespace("istio-ingress")
    guide = sections("istio.md")
    install, _ = split(guide["A gateway of its own"], "export TWILIO")
    follow(install)
    address = until_dialled("istio-ingress", "--field-selector metadata.name=twilio-gateway")
    serves(address)
    plugin = "deploy/istio/overlays/wasm-plugin/plugin.yaml"
    sh(f"sed -i 's/mode: enforce/mode: report/' {plugin}", cwd=WORK)
    follow(guide["Roll out"])
    until(lambda: status(address, signed="forged"), 200)
    expect(status(address, signed=TOKEN), 200, "signed")
    sh(f"sed -i 's/mode: report/mode: enforce/' {plugin}", cwd=WORK)
    follow(guide["Roll out"])
    until(lambda: status(address, signed="forged"), 403)
    follow(guide["Remove"])


@test("guide: istio, tokens that change without a restart")
def tokens():
    reader()
    no_namespace("istio-ingress")
    guide = sections("istio.md")
    follow(guide["A gateway of its own"][:2])
    install, look = split(guide["Tokens that change without a restart"], "export TWILIO")
    follow(install)
    serves(until_dialled("istio-ingress", "--field-selector metadata.name=twilio-gateway"))
    with Load((service("istio-ingress", "--field-selector metadata.name=twilio-gateway"))) as load:
        follow(look)
        expect(status(load.address, signed=NEXT), 200, "the next token")
    expect(load.lost(), {}, "webhooks lost")
    kubectl("delete -k deploy/istio/overlays/tokens-from-file --wait=false")


@test("guide: istio, HTTPRoutes")
def routes():
    reader()
    no_namespace("twilio-webhooks")
    before, after = split(sections("istio.md")["HTTPRoutes"], "kubectl apply")
    follow(before)
    application("twilio-webhooks")
    follow(after[:1])
    until(lambda: kubectl("-n twilio-webhooks get deploy twilio-istio --ignore-not-found -o name"), bool)
    install, look = split(after[1:], "export TWILIO")
    follow(install)
    serves(until_dialled("twilio-webhooks", "-l gateway.networking.k8s.io/gateway-name=twilio"))
    follow(look)
    kubectl("delete -k deploy/istio/overlays/gateway-api --wait=false")


def existing(heading, overlay):
    reader()
    namespace("istio-ingress")
    pki = f"{BED}/pki"
    kubectl(f"-n istio-ingress create secret tls twilio-webhook-tls --cert={pki}/tls.crt --key={pki}/tls.key")
    kubectl("-n istio-ingress apply -f tests/mesh/ingress.yaml")
    kubectl(f"-n istio-ingress rollout status deploy/ingress --timeout={SOON}s")
    address = until_dialled("istio-ingress", "--field-selector metadata.name=ingress")
    with Load(address, good=None):
        follow(sections("istio.md")[heading])
        serves(address)
    kubectl(f"delete -k deploy/istio/overlays/{overlay}")


test("guide: istio, a gateway that you have")(functools.partial(existing, "A gateway that you have", "shared-gateway"))
test("guide: istio, tokens from a file on a gateway that you have")(functools.partial(
    existing, "Tokens from a file on a gateway that you have", "shared-gateway-tokens-from-file"))


def sidecar(heading, overlay):
    reader()
    sh("kubectl -n default delete deployment webhooks --ignore-not-found --wait; "
       "kubectl -n default delete secret twilio-webhook --ignore-not-found")
    kubectl("label namespace default istio-injection=enabled --overwrite")
    application()
    before, gate = split(sections("istio.md")[heading], "kubectl apply")
    follow(before)
    follow(gate[:1])
    address, request = service("default", "--field-selector metadata.name=webhooks", 8080), {"tls": None, "headers": DIALLED}
    until(lambda: status(address, signed="forged", **request), 403)
    with Load(address, good=None, **request):
        follow(gate[1:])
        serves(address, **request)
    kubectl(f"delete -k deploy/istio/overlays/{overlay}")
    without_sidecar()


test("guide: istio, a sidecar")(functools.partial(sidecar, "A sidecar", "sidecar"))
test("guide: istio, tokens from a file in a sidecar")(functools.partial(
    sidecar, "Tokens from a file in a sidecar", "sidecar-tokens-from-file"))


@test("guide: envoy-gateway, a Gateway that you have")
def envoy_gateway_existing():
    reader()
    namespace("gateways")
    kubectl(f"-n {PROXIES} delete secret twilio-webhook --ignore-not-found")
    application("gateways")
    pki = f"{BED}/pki"
    kubectl(f"-n gateways create secret tls twilio-webhook-tls --cert={pki}/tls.crt --key={pki}/tls.key")
    kubectl("-n gateways apply -f tests/mesh/shared.yaml")
    address = until_dialled(PROXIES, f"-l {own('shared')}")
    until(lambda: status(address, path="/", method="GET", host="second.example.com"), 200)
    with Load(address, good=None):
        follow(sections("envoy-gateway.md")["A Gateway that you have"])
        serves(address)
    kubectl("delete -k deploy/envoy-gateway/shared-gateway")


@test("guide: envoy-gateway, a Gateway of its own, and day two")
def envoy_gateway():
    reader()
    no_namespace("twilio-webhooks")
    sh(f"kubectl -n {PROXIES} delete secret twilio-webhook --ignore-not-found")
    guide = sections("envoy-gateway.md")
    before, after = split(guide["A Gateway of its own"], "kubectl kustomize")
    follow(before)
    application("twilio-webhooks")
    forward, after = apart(after)
    install, look = split(after, "export TWILIO")
    follow(guide["Envoy Gateway"] + install)
    service(PROXIES, f"-l {own('twilio')}")
    probe_through(forward, look)
    address = until_dialled(PROXIES, f"-l {own('twilio')}")
    serves(address)
    with Load(address, good=None):
        follow(look)
        follow(guide["Roll out"])
        follow(guide["Look"])
        follow(guide["Rotate a token"])
        until(lambda: status(address, signed=NEXT), 200)
        follow(guide["Remove"])
