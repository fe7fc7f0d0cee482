"""Providers that fourways serves, on a Ray cluster: `python -m fourways.models.ray_serve FOLDER > serve.yaml`.

`serve deploy serve.yaml` then runs replicas of each server, each a process of our engine, vLLM, llama-server or Ollama,
as many as the requests need. `--llm` writes vLLM's for `ray.serve.llm` instead.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from fourways.config.load import load_project
from fourways.config.serving import Serve
from fourways.config.tree import Project, Provider
from fourways.core.errors import FourwaysError, InvalidProject, MissingPackage
from fourways.models.relay import Relay
from fourways.models.serving import open_served
from fourways.models.started import Servers

if TYPE_CHECKING:
    from ray.serve import Application

ONGOING = 16
"""Requests at a time that a replica is to have, before another is started."""
PORT = 8000
MODULE = "fourways.models.ray_serve"
"""This one, as the cluster's nodes import it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the configuration of Ray Serve for a project; 2 where it serves nothing."""
    parser = argparse.ArgumentParser(prog="python -m fourways.models.ray_serve", description=__doc__)
    parser.add_argument("folder", type=Path, help="the project's, under the same path on every node")
    parser.add_argument("--llm", action="store_true", help="vLLM by ray.serve.llm, which Ray itself runs")
    options = parser.parse_args(arguments)
    try:
        config = config_of(load_project(options.folder, os.environ), options.folder, llm=options.llm)
    except FourwaysError as error:
        sys.stderr.write(f"{error.message}\n")
        return 2
    sys.stdout.write(yaml.safe_dump(config, sort_keys=False))
    return 0


def config_of(project: Project, folder: Path, *, llm: bool = False, port: int = PORT) -> dict[str, Any]:
    """Return Ray Serve's configuration for every provider that a project serves, each under `/NAME`.

    Args:
        llm: whether vLLM's are left to `ray.serve.llm`, which takes adapters from object storage alone.

    Raises:
        InvalidProject: there is none.
    """
    served = {name: provider for name, provider in project.providers.items() if provider.serve is not None}
    if not served:
        raise InvalidProject("no provider says `serve`, so there is nothing to run", key="providers")
    applications = []
    for name, provider in served.items():
        one: dict[str, Any] = {"name": name, "route_prefix": f"/{name}"}
        if llm and provider.dialect == "vllm" and provider.serve is not None:
            configs = [llm_config(name, provider.serve, folder)]
            one |= {"import_path": "ray.serve.llm:build_openai_app", "args": {"llm_configs": configs}}
        else:
            one |= {"import_path": f"{MODULE}:app", "args": {"folder": str(folder.resolve()), "provider": name}}
        applications.append(one)
    return {"http_options": {"host": "127.0.0.1", "port": port}, "applications": applications}


def app(args: Mapping[str, str]) -> "Application":
    """Build the application of one provider; Ray Serve calls this by the import path in its configuration.

    Args:
        args: `folder` of the project, and the `provider`'s name.

    Raises:
        MissingPackage: Ray Serve is not installed.
    """
    try:
        from ray import serve
    except ImportError as error:
        raise MissingPackage("ray[serve]", "ray") from error
    folder, name = Path(args["folder"]), args["provider"]
    provider = load_project(folder, os.environ).providers[name]
    node = provider.serve
    if node is None:
        raise InvalidProject("it does not say `serve`, so there is nothing to run", key=f"providers.{name}")
    replica = serve.ingress(lambda: relay(folder, name))()
    deployment: Any = serve.deployment(replica, name=name, **deployment_options(node))
    application: Application = deployment.bind()
    return application


def deployment_options(serve: Serve) -> dict[str, Any]:
    """Return how many replicas Ray Serve runs and what each takes, in its own words."""
    return {
        "autoscaling_config": {
            "min_replicas": serve.keep,
            "initial_replicas": 1,
            "max_replicas": serve.replicas,
            "target_ongoing_requests": ONGOING,
            "downscale_to_zero_delay_s" if not serve.keep else "downscale_delay_s": serve.idle.total_seconds(),
        },
        "ray_actor_options": {"num_cpus": 1, "num_gpus": len(serve.gpus)},
        "max_ongoing_requests": 4 * ONGOING,
    }


def relay(folder: Path, name: str) -> Relay:
    """Open one provider's server as an application of a replica, which keeps it up as long as it lives."""
    project = load_project(folder, os.environ)
    state = Path(tempfile.mkdtemp(prefix="fourways-replica-"))  # replicas on one node share no server
    servers = Servers(state, folder=folder)
    served = open_served(name, _kept(project.providers[name]), servers, offline=project.network == "none")
    return Relay(served, start=served.server.kept.ready, stop=servers.stop)


def _kept(provider: Provider) -> Provider:
    """Return the provider with its server kept up, on whatever GPUs Ray gives the replica."""
    assert provider.serve is not None, "this provider's server is not ours"  # noqa: S101 - the caller's mistake
    return provider.model_copy(update={"serve": provider.serve.model_copy(update={"keep": 1, "gpus": []})})


def llm_config(name: str, serve: Serve, folder: Path) -> dict[str, Any]:
    """Return what `ray.serve.llm.LLMConfig` is to be made of for a provider of vLLM.

    Raises:
        InvalidProject: it has adapters, which that takes from object storage alone.
    """
    if serve.adapters:
        msg = "ray.serve.llm takes adapters from object storage alone; leave --llm out, or the adapters"
        raise InvalidProject(msg, key=f"providers.{name}.serve.adapters")
    local = (folder / Path(serve.model).expanduser()).resolve()
    known: dict[str, Any] = {"enable_prefix_caching": True}
    if len(serve.gpus) > 1:
        known["tensor_parallel_size"] = len(serve.gpus)
    options = deployment_options(serve)
    return {
        "model_loading_config": {
            "model_id": serve.served,
            "model_source": str(local) if local.exists() else serve.model,
        },
        "engine_kwargs": {**known, **_keywords(serve.options)},
        "deployment_config": {"autoscaling_config": options["autoscaling_config"]},
        "runtime_env": {"env_vars": {"VLLM_NO_USAGE_STATS": "1", **serve.env}},
    }


def _keywords(options: Sequence[str]) -> dict[str, Any]:
    """Read a command line's options as the keywords they stand for: `--max-model-len 512` is max_model_len=512."""
    found: dict[str, Any] = {}
    name = ""
    for part in options:
        if part.startswith("--"):
            name, equals, value = part.removeprefix("--").partition("=")
            name = name.replace("-", "_")
            if not equals and name.startswith("no_"):
                found[name.removeprefix("no_")], name = False, ""
            elif equals:
                found[name] = yaml.safe_load(value)
            else:
                found[name] = True
        elif name:
            found[name] = yaml.safe_load(part)
    return found


if __name__ == "__main__":
    sys.exit(main())
