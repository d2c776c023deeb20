"""Faults that these manifests had. Each is put back, and has to be noticed: that is what shows the other tests awake."""
import functools

from bed import *
from layouts import ISTIO, istio_gateway, shared_gateway, token_secrets

TESTS = []
BASE, PLUGIN = "istio/base/gateway.yaml", "istio/overlays/wasm-plugin/plugin.yaml"


def test(name):
    def add(function):
        TESTS.append((name, function))
        return function
    return add


def refused(what, remark):
    """`what` fails, and says so."""
    try:
        what()
    except Failed as failure:
        if not re.search(remark, str(failure)):
            raise Failed(f"it fails otherwise: {failure}")
        return
    raise Failed("nobody noticed")


def applied(deploy, overlay="wasm-plugin"):
    apply(f"{deploy}/{ISTIO.removeprefix('deploy/')}/{overlay}", "--dry-run=server")


# Nothing of these gets as far as a proxy.
for name, edit, remark in (
    ("a misspelt field of a WasmPlugin", (PLUGIN, "failStrategy:", "failStrategie:"), 
     'unknown field "spec.failStrategie"|failStrategie: field not declared'),
    ("a misspelt field of the container", (BASE, "limits:", "limit:"), "resources.limit: field not declared"),
    ("a misspelt field in the gate", ("istio/base/gate.yaml", "filter_state:", "filter_states:"), "filter_states"),
    ("a misspelt field in the buffer", ("istio/buffer/buffer.yaml", "max_request_bytes: 262144", "max_request_bites: 262144"),
     "max_request_bites"),
):
    def strictly(edit=edit, remark=remark):
        namespace("istio-ingress")
        with fault([edit]) as deploy:
            refused(lambda: applied(deploy), remark)
    test(f"mended: {name}")(strictly)


@test("mended: Pod Security refuses a container that may be more than it needs")
def pod_security():
    namespace("istio-ingress")
    secrets("istio-ingress")
    with fault([(BASE, "            allowPrivilegeEscalation: false\n", "")]) as deploy:
        sh(f"kubectl apply -k {deploy}/istio/overlays/wasm-plugin")
        until(lambda: kubectl("-n istio-ingress get rs -o yaml"), lambda text: "violates PodSecurity" in text)
    expect(pods("istio-ingress", "istio=twilio-gateway"), [], "Pods")


@test("mended: without the Role there is no certificate")
def role():
    def forget():
        """istiod remembers for minutes what an account may read, and for one what it may not."""
        kubectl("-n istio-system rollout restart deploy/istiod")
        kubectl(f"-n istio-system rollout status deploy/istiod --timeout={SOON}s")
    namespace("istio-ingress")
    forget()
    secrets("istio-ingress")
    with fault([(BASE, "resources: [secrets]", "resources: [configmaps]")]) as deploy:
        sh(f"kubectl apply -k {deploy}/istio/overlays/wasm-plugin")
        kubectl(f"-n istio-ingress rollout status deploy/twilio-gateway --timeout={SOON}s")
        address = service("istio-ingress", "--field-selector metadata.name=twilio-gateway")
        refused(lambda: until(lambda: status(address, signed=TOKEN), 200, 10), "not 200")
    no_namespace("istio-ingress")
    forget()


@test("mended: another namespace stands where the guide says, and nowhere else")
def another_namespace():
    for overlay in "wasm-plugin", "traffic-extension", "tokens-from-file", "envoy-filter", "envoy-filter-tokens-from-file":
        mine = f"istio/overlays/{overlay}/kustomization.yaml"
        edits = [(mine, "namespace: istio-ingress", "namespace: other"), ("istio/base/gate.yaml", "istio-ingress.", "other.")]
        plugin = "istio/overlays/envoy-filter/kustomization.yaml"
        edits += [(plugin, "istio-ingress.", "other.")] if overlay.startswith("envoy-filter") else []
        with fault(edits) as deploy:
            built = kubectl(f"kustomize {deploy}/istio/overlays/{overlay}").splitlines()
        expect([line for line in built if "istio-ingress" in line], [], overlay)


@test("mended: a script that reads the tokens behind the plugin, or for another key, lets nobody in")
def script():
    space, tokens = "istio-ingress", "istio/tokens-from-file/tokens.yaml"
    for edit in (tokens, "priority: 10", "priority: -10"), (tokens, '"twilio.auth_tokens"', '"twilio.auth_token"'):
        namespace(space)
        token_secrets(space)
        with fault([edit]) as deploy:
            sh(f"kubectl apply -k {deploy}/istio/overlays/envoy-filter-tokens-from-file")
            kubectl(f"-n {space} rollout status deploy/twilio-gateway --timeout={SOON}s")
            address = service(space, "--field-selector metadata.name=twilio-gateway")
            missing = "reason=unknown_key cause=key_missing setting=filter_state filter_state=twilio.auth_tokens"

            def denied():
                expect(status(address, signed=TOKEN), 403, "signed")
                return missing in log(space, pods(space, "istio=twilio-gateway")[0]["metadata"]["name"][:20])
            until(denied, True)
            refused(lambda: until(lambda: status(address, signed=TOKEN), 200, 5), "not 200")


@test("mended: without the gate, a missing plugin lets everything through")
def gate():
    address = shared_gateway()
    gate = "istio/overlays/shared-gateway/gate.yaml"
    text = open(f"{ROOT}/deploy/{gate}").read()
    with fault([(gate, text[text.index("            filter_state:"):], "")]) as deploy:
        sh(f"kubectl apply -k {deploy}/istio/overlays/shared-gateway")
        until(lambda: status(address, signed=TOKEN), 200)
        kubectl("-n istio-ingress delete wasmplugin twilio-webhook")

        def loaded():
            with Load(address, good=None):
                until(lambda: status(address, signed="forged"), 200, 20)
                time.sleep(1)
        refused(loaded, "requests of .* were served")
    kubectl("delete -k deploy/istio/overlays/shared-gateway --ignore-not-found")


@test("mended: two EnvoyFilters of one name read one configuration")
def one_name():
    """What the namespace in the name is for: the second plugin is not there, and the gate denies."""
    address = istio_gateway("envoy-filter")
    second = (f"kubectl kustomize {ISTIO}/envoy-filter | python3 -c \"import sys; d=[x for x in sys.stdin.read().split('---\\n') "
              "if 'kind: EnvoyFilter' in x and 'EXTENSION_CONFIG' in x]; print(d[0].replace('name: twilio-webhook\\n  namespace', "
              "'name: second\\n  namespace').replace('TWILIO_AUTH_TOKEN', 'NOT_THERE'))\"")
    with Load(address, good=None):
        sh(f"{second} | kubectl apply -f -")
        time.sleep(4)
