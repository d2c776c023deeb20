"""What the control planes made of deploy/ for their proxies. RECORD=1 writes it to tests/e2e/mesh/recorded, from where
`make test` replays it; without, it has to be what is written there."""
import difflib, functools

from bed import *
from layouts import (ISTIO, PROXIES, an_envoy_gateway, from_file, istio_gateway, gate_first, own, shared_gateway, token_secrets,
                     with_sidecar, with_sidecar_from_file, without_sidecar)

TESTS = []
PLACE = f"{ROOT}/tests/e2e/mesh/recorded"


def admin(pod, port, path):
    """What a proxy's own administration interface says, which listens inside of its Pod alone."""
    third, fourth = map(int, pod["status"]["podIP"].split(".")[2:])
    network = f"p{third * 250 + fourth - 2}"
    return json.loads(sh(f"ip netns exec {network} curl --silent --fail 'http://127.0.0.1:{port}/{path}'"))


def dump(pod, port):
    """The configuration of a proxy, by the kind of its parts."""
    return {part["@type"].rsplit(".", 1)[-1]: part for part in admin(pod, port, "config_dump")["configs"]}


def listener(parts, fits):
    all_listeners = [found["active_state"]["listener"] for found in parts["ListenersConfigDump"]["dynamic_listeners"]]
    return next(found for found in all_listeners if fits(found))


def chain(found, fits=lambda chain: True):
    """The one chain that matters: a sidecar has several of the same."""
    chains = [c for c in found["filter_chains"]
              if c["filters"][-1]["name"].endswith("http_connection_manager") and fits(c.get("filter_chain_match", {}))]
    found["filter_chains"] = chains[:1]
    found.pop("default_filter_chain", None)
    return chains[0]["filters"][-1]["typed_config"]


def recording(parts, found, manager):
    """What matters of a dump, without what differs from one time to the next."""
    if "rds" in manager:
        name = manager["rds"]["route_config_name"]
        tables = [t["route_config"] for t in parts["RoutesConfigDump"]["dynamic_route_configs"]]
        table = next(t for t in tables if t["name"] == name)
    else:
        table = manager.pop("route_config")
    extensions = [part["ecds_filter"] for part in parts.get("EcdsConfigDump", {}).get("ecds_filters", [])]
    stats = parts["BootstrapConfigDump"]["bootstrap"].get("stats_config", {})
    return normal({"listener": found, "routes": table, "extensions": extensions, "stats": stats})


def normal(value):
    if isinstance(value, dict):
        return {name: normal(member) for name, member in sorted(value.items())}
    if isinstance(value, list):
        return [normal(member) for member in value]
    if isinstance(value, str):
        for pattern, word in ((r"10\.(77|96)\.\d+\.\d+", "192.0.2.1"), (r"/var/lib/istio/data/[^\"]*\.wasm", "/module.wasm"),
                              (r"[0-9a-f]{64}", "0" * 64), (r":18002/.*\.wasm", ":18002/module.wasm")):
            value = re.sub(pattern, word, value)
    return value


def compare(name, found):
    text = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
    path = f"{PLACE}/{name}.json"
    if os.environ.get("RECORD"):
        open(path, "w").write(text)
        return f"written, {len(text)} bytes"
    written = open(path).read()
    if written != text:
        lines = difflib.unified_diff(written.splitlines(), text.splitlines(), "recorded", "now", n=2, lineterm="")
        raise Failed("it is not as recorded; if that is meant: make mesh RECORD=1 MESH=recording\n" + "\n".join(list(lines)[:60]))
    return None


def test(name):
    def add(function):
        TESTS.append((f"recording: {name}", lambda: compare(name, function())))
        return function
    return add


def gateway(space, selector, port=8443):
    parts = dump(pods(space, selector)[0], 15000)
    found = listener(parts, lambda l: l["address"].get("socket_address", {}).get("port_value") == port)
    return recording(parts, found, chain(found))


def istio(overlay, space="istio-ingress", deployment="twilio-gateway", selector="istio=twilio-gateway", port=8443):
    istio_gateway(overlay, space, deployment, selector)
    result = gateway(space, selector, port)
    kubectl(f"delete -k {ISTIO}/{overlay} --wait=false")
    return result


for overlay in "wasm-plugin", "traffic-extension", "envoy-filter":
    test(f"istio-{overlay}")(functools.partial(istio, overlay))
test("istio-gateway-api")(functools.partial(
    istio, "gateway-api", "twilio-webhooks", "twilio-istio", "gateway.networking.k8s.io/gateway-name=twilio", 443))


def tokens_from_file(overlay):
    from_file(overlay)
    result = gateway("istio-ingress", "istio=twilio-gateway")
    kubectl(f"delete -k {ISTIO}/{overlay} --wait=false")
    return result


for overlay in "tokens-from-file", "envoy-filter-tokens-from-file":
    test(f"istio-{overlay}")(functools.partial(tokens_from_file, overlay))


def shared(overlay, *how):
    address = shared_gateway(f"{ISTIO}/{overlay}", *how)
    apply(f"{ISTIO}/{overlay}")
    serves(address)
    result = gateway("istio-ingress", "istio=ingress")
    kubectl(f"delete -k {ISTIO}/{overlay}")
    return result


test("istio-shared-gateway")(functools.partial(shared, "shared-gateway"))
test("istio-shared-gateway-tokens-from-file")(functools.partial(
    shared, "shared-gateway-tokens-from-file", "proxy-tokens", token_secrets))


def sidecar(overlay, prepared):
    gate_first(prepared(), f"{ISTIO}/{overlay}")
    parts = dump(pods("default", "app=webhooks")[0], 15000)
    found = listener(parts, lambda l: l["name"] == "virtualInbound")
    manager = chain(found, lambda match: match.get("destination_port") == 8080 and "transport_protocol" in match)
    result = recording(parts, found, manager)
    kubectl(f"delete -k {ISTIO}/{overlay}")
    without_sidecar()
    return result


test("istio-sidecar")(functools.partial(sidecar, "sidecar", with_sidecar))
test("istio-sidecar-tokens-from-file")(functools.partial(sidecar, "sidecar-tokens-from-file", with_sidecar_from_file))


@test("envoy-gateway")
def envoy_gateway():
    an_envoy_gateway("deploy/envoy-gateway/overlay")
    parts = dump(pods(PROXIES, own("twilio"))[0], 19000)
    found = listener(parts, lambda l: l["name"].startswith("twilio-webhooks/twilio/"))
    result = recording(parts, found, chain(found))
    kubectl("delete -k deploy/envoy-gateway/overlay --wait=false")
    return result
