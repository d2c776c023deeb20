"""Each overlay as its guide has it applied: strictly, into a namespace with the strictest Pod Security, until webhooks are
verified over TLS; once more without a change; and removed."""
import functools

from bed import *

ISTIO = "deploy/istio/overlays"
TESTS = []


def test(name):
    def add(function):
        TESTS.append((name, function))
        return function
    return add


def recorder(space="default"):
    return pods(space, "app=webhooks")[0]["status"]["podIP"]


def counted(space, selector, **how):
    """Both verdicts are in the counters, with their labels."""
    allowed = (("reason", "none"), ("route", "webhook"), ("verdict", "allowed"))
    denied = (("reason", "signature_mismatch"), ("route", "webhook"), ("verdict", "denied"))
    found = {}
    for pod in pods(space, selector):
        for labels, count in counters(space, pod, **how).items():
            found[labels] = found.get(labels, 0) + count
    if not (found.get(allowed) and found.get(denied)):
        raise Failed(f"the counters are {found}")


def variables(pod, container="istio-proxy"):
    """The Secret of a container's variables."""
    found = next(c for c in pod["spec"]["containers"] + pod["spec"].get("initContainers", []) if c["name"] == container)
    return [source["secretRef"]["name"] for source in found.get("envFrom", [])]


def istio_gateway(overlay, space="istio-ingress", deployment="twilio-gateway", selector="istio=twilio-gateway"):
    """A gateway of its own for webhooks."""
    namespace(space)
    secrets(space)
    if space != "istio-ingress":
        application(space)
    apply(f"{ISTIO}/{overlay}")
    until(lambda: kubectl(f"-n {space} get deploy {deployment} --ignore-not-found -o name"), bool)
    kubectl(f"-n {space} rollout status deploy/{deployment} --timeout={SOON}s")
    address = service(space, f"-l {selector}" if overlay == "gateway-api" else "--field-selector metadata.name=twilio-gateway")
    serves(address)
    return address


def verifies(overlay, space="istio-ingress", deployment="twilio-gateway", selector="istio=twilio-gateway", app="default"):
    directory = f"{ISTIO}/{overlay}"
    address = istio_gateway(overlay, space, deployment, selector)
    changes_nothing(directory)
    expect(apply(directory) and kubectl(f"-n {space} get pdb -o name").count("poddisruptionbudget"), 1, "disruption budgets")
    running = pods(space, selector)
    expect(len(running), 2, "replicas")
    for pod in running:
        expect(variables(pod), ["twilio-webhook"], "the container's variables")
        expect(pod["status"]["phase"], "Running", pod["metadata"]["name"])
    scenarios(address, recorder(app))
    counted(space, selector)
    # What is not a webhook is not served on this gateway, signed or not.
    for path in "/", "/twilio-verified", "/..%2f/twilio-verified", "/%2e%2e/twilio-verified", "/twilio/../x":
        if status(address, path=path, method="GET") == 200:
            raise Failed(f"{path} is served")
    kubectl(f"delete -k {directory} --wait=false")


for overlay in "wasm-plugin", "traffic-extension", "envoy-filter":
    test(f"istio: {overlay}")(functools.partial(verifies, overlay))

test("istio: gateway-api")(functools.partial(
    verifies, "gateway-api", "twilio-webhooks", "twilio-istio", "gateway.networking.k8s.io/gateway-name=twilio", "twilio-webhooks"))


CHANGE = ("kubectl -n %s create secret generic twilio-webhook --dry-run=client -o yaml --from-literal=auth_tokens=%s "
          "| kubectl replace -f -")


def token_secrets(space):
    """The two Secrets, where the tokens are a file of one of them."""
    kubectl(f"-n {space} create secret tls twilio-webhook-tls --cert={BED}/pki/tls.crt --key={BED}/pki/tls.key")
    kubectl(f'-n {space} create secret generic twilio-webhook --from-literal=auth_tokens="$TOKEN"')


def rotates(address, space, selector, **request):
    """From one token by both to the next, without a webhook that is lost, and with the pods that are there."""
    running = {pod["metadata"]["uid"] for pod in pods(space, selector)}
    with Load(address, **request) as load:
        sh(CHANGE % (space, """"$TOKEN"$'\\n'"$NEXT" """))
        until(lambda: status(address, signed=NEXT, **request), 200)
        # The other pods, and all of their threads, too.
        time.sleep(3)
    expect(load.lost(), {}, "webhooks lost")
    with Load(address, good=NEXT, **request) as load:
        sh(CHANGE % (space, '"$NEXT"'))
        until(lambda: status(address, signed=TOKEN, **request), 403)
    expect(load.lost(), {}, "webhooks lost")
    expect({pod["metadata"]["uid"] for pod in pods(space, selector)}, running, "the pods")


def from_file(overlay):
    """A gateway of its own whose tokens are a file."""
    space = "istio-ingress"
    namespace(space)
    token_secrets(space)
    apply(f"{ISTIO}/{overlay}")
    kubectl(f"-n {space} rollout status deploy/twilio-gateway --timeout={SOON}s")
    address = service(space, "--field-selector metadata.name=twilio-gateway")
    serves(address)
    return address


def tokens_from_file(overlay):
    directory = f"{ISTIO}/{overlay}"
    address = from_file(overlay)
    changes_nothing(directory)
    scenarios(address, recorder())
    for pod in pods("istio-ingress", "istio=twilio-gateway"):
        expect(variables(pod), [], "the container's variables")
    rotates(address, "istio-ingress", "istio=twilio-gateway")
    kubectl(f"delete -k {directory} --wait=false")


for overlay in "tokens-from-file", "envoy-filter-tokens-from-file":
    test(f"istio: {overlay}, and a rotation without a restart")(functools.partial(tokens_from_file, overlay))


INGRESS = "tests/mesh/ingress.yaml"


def shared_gateway(overlay=f"{ISTIO}/shared-gateway", patch="proxy-env", secrets=secrets):
    """A gateway that serves others already: the address."""
    namespace("istio-ingress")
    secrets("istio-ingress")
    kubectl(f"-n istio-ingress apply -f {INGRESS}")
    kubectl(f"-n istio-ingress rollout status deploy/ingress --timeout={SOON}s")
    address = service("istio-ingress", "--field-selector metadata.name=ingress")
    until(lambda: status(address, path="/", method="GET", host="second.example.com"), 200)
    kubectl(f"-n istio-ingress patch deployment ingress --patch-file {overlay}/{patch}.yaml")
    kubectl(f"-n istio-ingress rollout status deploy/ingress --timeout={SOON}s")
    return address


@test("istio: shared-gateway")
def shared():
    directory = f"{ISTIO}/shared-gateway"
    address = shared_gateway()
    apply(directory)
    serves(address)
    changes_nothing(directory)
    scenarios(address, recorder())
    counted("istio-ingress", "istio=ingress")
    # The gateway's other host has no part in it.
    expect(status(address, host="second.example.com", path="/twilio/sms"), 200, "another team's route")
    kubectl(f"delete -k {directory}")
    until(lambda: status(address, path="/twilio/sms"), 404)
    expect(status(address, host="second.example.com", path="/twilio/sms"), 200, "another team's route")


@test("istio: shared-gateway-tokens-from-file, and a rotation without a restart")
def shared_from_file():
    directory, patch = f"{ISTIO}/shared-gateway-tokens-from-file", "proxy-tokens"
    address = shared_gateway(directory, patch, token_secrets)
    apply(directory)
    serves(address)
    changes_nothing(directory)
    scenarios(address, recorder())
    rotates(address, "istio-ingress", "istio=ingress")
    expect(status(address, host="second.example.com", path="/twilio/sms"), 200, "another team's route")
    kubectl(f"delete -k {directory}")


@test("istio: sidecar")
def sidecar():
    directory = f"{ISTIO}/sidecar"
    address = with_sidecar()
    gate_first(address, directory)
    changes_nothing(directory)
    counted("default", "app=webhooks")
    expect(status(address, tls=None, path="/other"), 200, "what is not a webhook")
    kubectl(f"delete -k {directory}")
    without_sidecar()


@test("istio: sidecar-tokens-from-file, and a rotation without a restart")
def sidecar_from_file():
    directory = f"{ISTIO}/sidecar-tokens-from-file"
    address = with_sidecar_from_file()
    gate_first(address, directory)
    changes_nothing(directory)
    rotates(address, "default", "app=webhooks", tls=None, headers=DIALLED)
    kubectl(f"delete -k {directory}")
    without_sidecar()


# What a gateway says of the way before it.
DIALLED = {"x-forwarded-proto": "https"}


def gate_first(address, directory):
    """The gate, and then the rest."""
    apply(directory, "-l app.kubernetes.io/component=gate")
    until(lambda: status(address, tls=None, signed="forged", headers=DIALLED), 403)
    apply(directory)
    serves(address, tls=None, headers=DIALLED)


def with_sidecar_from_file():
    return with_sidecar('--from-literal=auth_tokens="$TOKEN"', "sidecar-tokens-from-file/proxy-tokens.yaml")


def with_sidecar(secret='--from-literal=TWILIO_AUTH_TOKEN="$TOKEN" --from-literal=TWILIO_AUTH_TOKEN_NEXT="$TOKEN"',
                 patch="sidecar/proxy-env.yaml"):
    """The application with a sidecar that has the tokens: where it is to be reached from inside the mesh."""
    sh("kubectl -n default delete deployment webhooks --ignore-not-found --wait; kubectl -n default delete secret twilio-webhook --ignore-not-found")
    kubectl("label namespace default istio-injection=enabled --overwrite")
    application()
    kubectl(f"-n default create secret generic twilio-webhook {secret}")
    kubectl(f"-n default patch deployment webhooks --patch-file {ISTIO}/{patch}")
    kubectl(f"-n default rollout status deploy/webhooks --timeout={SOON}s")
    return service("default", "--field-selector metadata.name=webhooks", 8080)


def without_sidecar():
    kubectl("label namespace default istio-injection-")
    kubectl("-n default delete deployment webhooks --wait")
    application()


PROXIES = "envoy-gateway-system"


def own(gateway):
    return f"gateway.envoyproxy.io/owning-gateway-name={gateway}"


@test("envoy-gateway: overlay")
def envoy_gateway():
    directory = "deploy/envoy-gateway/overlay"
    address = an_envoy_gateway(directory)
    changes_nothing(directory)
    scenarios(address, recorder("twilio-webhooks"))
    counted(PROXIES, own("twilio"), port=19001)
    kubectl(f"delete -k {directory} --wait=false")


def an_envoy_gateway(directory):
    namespace("twilio-webhooks")
    kubectl(f"-n {PROXIES} delete secret twilio-webhook --ignore-not-found")
    application("twilio-webhooks")
    secrets("twilio-webhooks", PROXIES)
    apply(directory)
    address = service(PROXIES, f"-l {own('twilio')}")
    serves(address)
    return address
