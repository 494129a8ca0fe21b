"""Values that the chart is rendered with: what a user would say, and everything at once."""

from __future__ import annotations

from typing import Any

EVERYTHING: dict[str, Any] = {
    "image": {
        "repository": "registry.example:5000/sessiond",
        "digest": f"sha256:{'ab' * 32}",
        "pullPolicy": "Always",
    },
    "imagePullSecrets": [{"name": "registry"}],
    "tls": {"existingSecret": "sessiond-tls"},
    "autoscaling": {"enabled": True, "minReplicas": 3, "maxReplicas": 9},
    "podDisruptionBudget": {"maxUnavailable": "34%"},
    "networkPolicy": {
        "callers": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.9.0.0/16"]}}],
        "monitoring": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "prometheus"}}}],
        "egress": [{"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], "ports": [{"port": 443}]}],
    },
    "topologySpreadConstraints": [
        {
            "maxSkew": 2,
            "topologyKey": "rack",
            "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": {"matchLabels": {"a": "b"}},
        }
    ],
    "affinity": {
        "podAntiAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": 1, "podAffinityTerm": {"topologyKey": "rack"}}
            ]
        }
    },
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"}],
    "priorityClassName": "system-cluster-critical",
    "terminationGracePeriodSeconds": 60,
    "serviceAccount": {
        "name": "auth",
        "annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/a"},
    },
    "service": {"type": "LoadBalancer", "annotations": {"a": "b"}},
    "podAnnotations": {"a": "b"},
    "podLabels": {"team": "auth"},
    "commonLabels": {"cost-centre": "42"},
    "extraEnv": [
        {"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://collector:4317"},
        {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
    ],
    "extraVolumes": [{"name": "more", "configMap": {"name": "more", "optional": True}}],
    "extraVolumeMounts": [{"name": "more", "mountPath": "/more", "readOnly": True}],
    "metrics": {
        "serviceMonitor": {"enabled": True, "labels": {"release": "p"}, "interval": "15s"},
        "prometheusRule": {"enabled": True, "labels": {"release": "p"}, "interval": "1m"},
        "dashboard": {"enabled": True, "labels": {"release": "p"}, "interval": "5s"},
    },
}

MATRIX: dict[str, dict[str, Any]] = {
    "the defaults": {},
    "everything": EVERYTHING,
    "one server alone": {"replicaCount": 1, "podDisruptionBudget": {"enabled": False}},
    "no policy of the network": {"networkPolicy": {"enabled": False}},
    "nobody may call": {"networkPolicy": {"callers": [], "monitoring": []}},
    "an account that is there": {"serviceAccount": {"create": False, "name": "mine"}},
    "the account of everybody": {"serviceAccount": {"create": False}},
    "nowhere in particular": {"topologySpreadConstraints": []},
    "names that look like numbers": {"existingSecret": "123", "tls": {"existingSecret": "1e3"}},
    "a mesh": {"service": {"plaintext": True}, "config": '[server]\nlisten = "0.0.0.0:50051"\n'},
}
