"""No moment in which a webhook's route is served unverified: requests that nobody signed come in every few milliseconds
while things are installed, changed and removed, and while something is missing."""
import signal, time

from bed import *
from layouts import DIALLED, ISTIO, PROXIES, an_envoy_gateway, own, shared_gateway, with_sidecar, without_sidecar

TESTS = []
SHARED = f"{ISTIO}/shared-gateway"


def test(name):
    def add(function):
        TESTS.append((name, function))
        return function
    return add


@contextlib.contextmanager
def registry_stands_still(seconds=4):
    """A registry that takes its time."""
    pid = int(open(f"{BED}/registry.pid").read())
    os.kill(pid, signal.SIGSTOP)
    threading.Timer(seconds, os.kill, (pid, signal.SIGCONT)).start()
    yield
    time.sleep(seconds)


def opens(address, **request):
    """Signed webhooks come through in the end."""
    until(lambda: status(address, signed=TOKEN, **request), 200)
    time.sleep(1)


def removed(directory=SHARED):
    kubectl(f"delete -k {directory} --ignore-not-found")


@test("window: a serving Istio gateway, everything in one go, the module takes 4 s")
def in_one_go():
    address = shared_gateway()
    with Load(address, good=None) as load, registry_stands_still():
        apply(SHARED)
    with load:
        opens(address)
    return f"{sum(load.answers.values())} forged and unsigned requests"


@test("window: the plugin, and then the gate, deleted while serving")
def deleted():
    address = shared_gateway()
    apply(SHARED)
    serves(address)
    with Load(address, good=None):
        kubectl("-n istio-ingress delete wasmplugin twilio-webhook")
        until(lambda: status(address, signed=TOKEN), 403)
        time.sleep(2)
    apply(SHARED)
    opens(address)
    with Load(address, good=None):
        kubectl("-n istio-ingress delete envoyfilter twilio-webhook-gate")
        until(lambda: status(address, signed=TOKEN), 403)
        time.sleep(2)
        removed()
        time.sleep(2)


@test("window: the routes 3 s before the gate and the plugin")
def routes_first():
    address = shared_gateway()
    with Load(address, good=None):
        kubectl(f"apply -f {SHARED}/routes.yaml -n istio-ingress")
        time.sleep(3)
        apply(SHARED, "--force-conflicts")
        opens(address)
    removed()


@test("window: the plugin in another namespace than the gateway")
def elsewhere():
    address = shared_gateway()
    with Load(address, good=None):
        moved = [text.replace("namespace: istio-ingress", "namespace: default") if "kind: WasmPlugin" in text else text
                 for text in kubectl(f"kustomize {SHARED}").split("---\n")]
        sh("kubectl apply -f -", input="---\n".join(moved))
        until(lambda: status(address, signed=TOKEN), 403)
        time.sleep(3)
        expect(status(address, signed=TOKEN), 403, "signed, without a plugin")
    kubectl("-n default delete wasmplugin twilio-webhook")
    removed()


@test("window: a guard that is misspelt")
def misspelt():
    address = shared_gateway()
    with fault([("istio/overlays/shared-gateway/plugin.yaml", "path: { prefix: /twilio }", "path: { prefix: /twillio }")]) as deploy:
        with Load(address, good=None):
            apply(f"{deploy}/istio/overlays/shared-gateway")
            until(lambda: status(address, signed=TOKEN), 403)
            time.sleep(3)
    removed()


@test("window: two teams on one gateway")
def two_teams():
    address = shared_gateway()
    apply(SHARED)
    serves(address)
    # The second team has other names, another host and a token of its own.
    edits = [(f"istio/overlays/shared-gateway/{file}.yaml", old, new) for file in ("plugin", "buffer", "gate", "routes")
             for old, new in (("twilio-w", "second-w"), ("twilio-v", "second-v"))
             if old in open(f"{ROOT}/{SHARED}/{file}.yaml").read()]
    edits += [("istio/overlays/shared-gateway/kustomization.yaml", old, new) for old, new in (
        ("name: twilio-webhook", "name: second-webhook"), ("name: twilio }", "name: third }"), ("hooks.example.com", "third.example.com"))]
    edits += [("istio/overlays/shared-gateway/routes.yaml", "name: twilio\n", "name: third\n"),
              ("istio/overlays/shared-gateway/plugin.yaml", "hooks.example.com", "third.example.com")]
    with fault(edits) as deploy:
        team = f"{deploy}/istio/overlays/shared-gateway"
        with Load(address, good=TOKEN) as first, Load(address, good=None, host="third.example.com"):
            apply(team)
            opens(address, host="third.example.com")
        expect(first.lost(), {}, "the first team's webhooks")
        kubectl(f"delete -k {team}")
    removed()


@test("window: a sidecar, the gate first")
def sidecar():
    directory = f"{ISTIO}/sidecar"
    address = with_sidecar()
    request = {"tls": None, "headers": DIALLED}
    apply(directory, "-l app.kubernetes.io/component=gate")
    until(lambda: status(address, signed="forged", **request), 403)
    with Load(address, good=None, **request), registry_stands_still():
        apply(directory)
        opens(address, **request)
    with Load(address, good=None, **request):
        kubectl("-n default delete envoyfilter twilio-webhook")
        until(lambda: status(address, signed=TOKEN, **request), 403)
        time.sleep(2)
    kubectl(f"delete -k {directory} --ignore-not-found")
    without_sidecar()


EXISTING = "deploy/envoy-gateway/shared-gateway"


def shared_envoy_gateway():
    """A Gateway that serves others already, with what the guide has added to its EnvoyProxy."""
    namespace("gateways")
    kubectl(f"-n {PROXIES} delete secret twilio-webhook --ignore-not-found")
    application("gateways")
    secrets("gateways", PROXIES)
    kubectl("-n gateways apply -f tests/mesh/shared.yaml")
    kubectl(f"-n gateways patch envoyproxy shared --type merge --patch-file {EXISTING}/proxy.yaml")
    address = service(PROXIES, f"-l {own('shared')}")
    until(lambda: status(address, path="/", method="GET", host="second.example.com"), 200)
    return address


@test("envoy-gateway: shared-gateway, everything in one go under load")
def envoy_gateway_shared():
    address = shared_envoy_gateway()
    with Load(address, good=None):
        apply(EXISTING)
        opens(address)
    changes_nothing(EXISTING)
    scenarios(address, pods("gateways", "app=webhooks")[0]["status"]["podIP"])
    expect(status(address, host="second.example.com", path="/twilio/sms"), 200, "another team's route")
    with Load(address, good=None):
        kubectl("-n gateways delete envoyextensionpolicy twilio-webhook")
        until(lambda: status(address, signed=TOKEN), 403)
        time.sleep(2)
        kubectl(f"delete -k {EXISTING} --ignore-not-found")
        time.sleep(2)


@test("envoy-gateway: shared-gateway, on a ListenerSet of the team's own")
def envoy_gateway_listener_set():
    address = shared_envoy_gateway()
    kubectl("""-n gateways patch gateway shared --type merge -p '{"spec": {"allowedListeners": {"namespaces": {"from": "Same"}}}}'""")
    kubectl("-n gateways apply -f tests/mesh/listeners.yaml")
    mine = "envoy-gateway/shared-gateway/kustomization.yaml"
    edits = [("envoy-gateway/routes/routes.yaml", "    - name: twilio\n",
              "    - group: gateway.networking.k8s.io\n      kind: ListenerSet\n      name: twilio\n"),
             (mine, "path: /spec/parentRefs/0/name\n        value: shared", "path: /spec/parentRefs/0/name\n        value: webhooks"),
             (mine, "value: &listener gateways/shared/https", "value: gateways/shared/gateways/webhooks/https"),
             (mine, "value: *listener", "value: gateways/shared/https")]
    with fault(edits) as deploy, Load(address, good=None):
        apply(f"{deploy}/envoy-gateway/shared-gateway")
        # Not all of the scenarios: Envoy Gateway offers no HTTP/2 where the hosts of two listeners overlap.
        serves(address)
        kubectl(f"delete -k {deploy}/envoy-gateway/shared-gateway")


@test("window: two teams on one Gateway of Envoy Gateway")
def envoy_gateway_two_teams():
    address = shared_envoy_gateway()
    apply(EXISTING)
    opens(address)
    files = [f"envoy-gateway/{name}.yaml" for name in ("routes/plugin", "routes/gate", "routes/routes", "shared-gateway/kustomization")]
    edits = [(file, old, new) for file in files
             for old, new in (("twilio-w", "second-w"), ("twilio-v", "second-v"), ("twilio-u", "second-u"))
             if old in open(f"{ROOT}/deploy/{file}").read()]
    edits.append((files[-1], "hooks.example.com", "third.example.com"))
    with fault(edits) as deploy:
        team = f"{deploy}/envoy-gateway/shared-gateway"
        with Load(address) as first, Load(address, good=None, host="third.example.com"):
            apply(team)
            opens(address, host="third.example.com")
        kubectl(f"delete -k {team}")
    kubectl(f"delete -k {EXISTING} --ignore-not-found")
    return f"the first team's: {first.served('signed')} served, lost on closing connections: {first.lost()}"


@test("window: Envoy Gateway, a plugin whose variable is not set")
def envoy_gateway_variable():
    address = shared_envoy_gateway()
    edits = [("envoy-gateway/routes/plugin.yaml", "TWILIO_AUTH_TOKEN", "NOT_SET")]
    with fault(edits) as deploy, Load(address, good=None):
        apply(f"{deploy}/envoy-gateway/shared-gateway")
        time.sleep(8)
        if status(address, signed=TOKEN) == 200:
            raise Failed("served without a token")
    kubectl(f"delete -k {EXISTING} --ignore-not-found")


@test("window: Envoy Gateway that does not read EnvoyPatchPolicies: shut")
def envoy_gateway_shut():
    address = an_envoy_gateway("deploy/envoy-gateway/overlay")
    with Load(address, good=None):
        kubectl("-n twilio-webhooks delete envoypatchpolicy twilio-webhook-gate")
        until(lambda: status(address, signed=TOKEN), 403)
        time.sleep(2)
        kubectl("delete -k deploy/envoy-gateway/overlay --ignore-not-found")
