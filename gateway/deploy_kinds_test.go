package main

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// The shippedKinds of objects that are shipped, with the fields that are used of each: a
// name that is misspelled is ignored by nobody but us, until a cluster applies it. The
// names and their kinds of values are those of k8s.io/api v0.34 and of the Prometheus
// operator's API; a field that is used for the first time is added here.
type (
	TypeMeta struct {
		APIVersion string `yaml:"apiVersion"`
		Kind       string `yaml:"kind"`
	}
	metadata struct {
		Name      string            `yaml:"name"`
		Namespace string            `yaml:"namespace"`
		Labels    map[string]string `yaml:"labels"`
	}
	selector struct {
		MatchLabels map[string]string `yaml:"matchLabels"`
	}
	namedRef struct {
		Name string `yaml:"name"`
	}

	namespaceKind struct {
		TypeMeta `yaml:",inline"`
		Metadata metadata `yaml:"metadata"`
	}

	statefulSetKind struct {
		TypeMeta `yaml:",inline"`
		Metadata metadata `yaml:"metadata"`
		Spec     struct {
			ServiceName         string `yaml:"serviceName"`
			Replicas            int32  `yaml:"replicas"`
			PodManagementPolicy string `yaml:"podManagementPolicy"`
			UpdateStrategy      struct {
				Type string `yaml:"type"`
			} `yaml:"updateStrategy"`
			MinReadySeconds int32    `yaml:"minReadySeconds"`
			Selector        selector `yaml:"selector"`
			Template        struct {
				Metadata metadata `yaml:"metadata"`
				Spec     podSpec  `yaml:"spec"`
			} `yaml:"template"`
			VolumeClaimTemplates []struct {
				Metadata metadata `yaml:"metadata"`
				Spec     struct {
					AccessModes []string `yaml:"accessModes"`
					Resources   struct {
						Requests map[string]string `yaml:"requests"`
					} `yaml:"resources"`
				} `yaml:"spec"`
			} `yaml:"volumeClaimTemplates"`
		} `yaml:"spec"`
	}

	podSpec struct {
		AutomountServiceAccountToken  bool  `yaml:"automountServiceAccountToken"`
		EnableServiceLinks            bool  `yaml:"enableServiceLinks"`
		TerminationGracePeriodSeconds int64 `yaml:"terminationGracePeriodSeconds"`
		SecurityContext               struct {
			RunAsNonRoot   bool  `yaml:"runAsNonRoot"`
			RunAsUser      int64 `yaml:"runAsUser"`
			RunAsGroup     int64 `yaml:"runAsGroup"`
			FSGroup        int64 `yaml:"fsGroup"`
			SeccompProfile struct {
				Type string `yaml:"type"`
			} `yaml:"seccompProfile"`
		} `yaml:"securityContext"`
		TopologySpreadConstraints []struct {
			MaxSkew           int32    `yaml:"maxSkew"`
			TopologyKey       string   `yaml:"topologyKey"`
			WhenUnsatisfiable string   `yaml:"whenUnsatisfiable"`
			LabelSelector     selector `yaml:"labelSelector"`
		} `yaml:"topologySpreadConstraints"`
		Containers []container `yaml:"containers"`
		Volumes    []struct {
			Name   string `yaml:"name"`
			Secret struct {
				SecretName  string `yaml:"secretName"`
				DefaultMode int32  `yaml:"defaultMode"`
			} `yaml:"secret"`
		} `yaml:"volumes"`
	}

	container struct {
		Name    string   `yaml:"name"`
		Image   string   `yaml:"image"`
		Command []string `yaml:"command"`
		Args    []string `yaml:"args"`
		EnvFrom []struct {
			SecretRef namedRef `yaml:"secretRef"`
		} `yaml:"envFrom"`
		Env []struct {
			Name      string `yaml:"name"`
			Value     string `yaml:"value"`
			ValueFrom struct {
				FieldRef struct {
					FieldPath string `yaml:"fieldPath"`
				} `yaml:"fieldRef"`
			} `yaml:"valueFrom"`
		} `yaml:"env"`
		Ports []struct {
			Name          string `yaml:"name"`
			ContainerPort int32  `yaml:"containerPort"`
		} `yaml:"ports"`
		StartupProbe   probe `yaml:"startupProbe"`
		LivenessProbe  probe `yaml:"livenessProbe"`
		ReadinessProbe probe `yaml:"readinessProbe"`
		Lifecycle      struct {
			PreStop struct {
				Sleep struct {
					Seconds int64 `yaml:"seconds"`
				} `yaml:"sleep"`
			} `yaml:"preStop"`
		} `yaml:"lifecycle"`
		Resources struct {
			Requests map[string]string `yaml:"requests"`
			Limits   map[string]string `yaml:"limits"`
		} `yaml:"resources"`
		SecurityContext struct {
			AllowPrivilegeEscalation bool `yaml:"allowPrivilegeEscalation"`
			ReadOnlyRootFilesystem   bool `yaml:"readOnlyRootFilesystem"`
			Capabilities             struct {
				Drop []string `yaml:"drop"`
			} `yaml:"capabilities"`
		} `yaml:"securityContext"`
		VolumeMounts []struct {
			Name      string `yaml:"name"`
			MountPath string `yaml:"mountPath"`
			SubPath   string `yaml:"subPath"`
			ReadOnly  bool   `yaml:"readOnly"`
		} `yaml:"volumeMounts"`
	}

	probe struct {
		HTTPGet struct {
			Path string `yaml:"path"`
			Port string `yaml:"port"`
		} `yaml:"httpGet"`
		TCPSocket struct {
			Port string `yaml:"port"`
		} `yaml:"tcpSocket"`
		Exec struct {
			Command []string `yaml:"command"`
		} `yaml:"exec"`
		PeriodSeconds    int32 `yaml:"periodSeconds"`
		TimeoutSeconds   int32 `yaml:"timeoutSeconds"`
		FailureThreshold int32 `yaml:"failureThreshold"`
	}

	budgetKind struct {
		TypeMeta `yaml:",inline"`
		Metadata metadata `yaml:"metadata"`
		Spec     struct {
			MaxUnavailable             int      `yaml:"maxUnavailable"`
			UnhealthyPodEvictionPolicy string   `yaml:"unhealthyPodEvictionPolicy"`
			Selector                   selector `yaml:"selector"`
		} `yaml:"spec"`
	}

	serviceKind struct {
		TypeMeta `yaml:",inline"`
		Metadata metadata `yaml:"metadata"`
		Spec     struct {
			Type                     string            `yaml:"type"`
			ClusterIP                string            `yaml:"clusterIP"`
			PublishNotReadyAddresses bool              `yaml:"publishNotReadyAddresses"`
			ExternalTrafficPolicy    string            `yaml:"externalTrafficPolicy"`
			LoadBalancerSourceRanges []string          `yaml:"loadBalancerSourceRanges"`
			Selector                 map[string]string `yaml:"selector"`
			Ports                    []struct {
				Name       string `yaml:"name"`
				Port       int32  `yaml:"port"`
				TargetPort string `yaml:"targetPort"`
			} `yaml:"ports"`
		} `yaml:"spec"`
	}

	policyKind struct {
		TypeMeta `yaml:",inline"`
		Metadata metadata `yaml:"metadata"`
		Spec     struct {
			PodSelector selector `yaml:"podSelector"`
			PolicyTypes []string `yaml:"policyTypes"`
			Ingress     []struct {
				From  []policyPeer `yaml:"from"`
				Ports []policyPort `yaml:"ports"`
			} `yaml:"ingress"`
			Egress []struct {
				To    []policyPeer `yaml:"to"`
				Ports []policyPort `yaml:"ports"`
			} `yaml:"egress"`
		} `yaml:"spec"`
	}
	policyPeer struct {
		PodSelector       selector `yaml:"podSelector"`
		NamespaceSelector selector `yaml:"namespaceSelector"`
		IPBlock           struct {
			CIDR string `yaml:"cidr"`
		} `yaml:"ipBlock"`
	}
	policyPort struct {
		Protocol string `yaml:"protocol"`
		Port     int    `yaml:"port"`
	}

	podMonitorKind struct {
		TypeMeta `yaml:",inline"`
		Metadata metadata `yaml:"metadata"`
		Spec     struct {
			JobLabel            string   `yaml:"jobLabel"`
			Selector            selector `yaml:"selector"`
			PodMetricsEndpoints []struct {
				Port          string `yaml:"port"`
				Path          string `yaml:"path"`
				Authorization struct {
					Credentials struct {
						Name string `yaml:"name"`
						Key  string `yaml:"key"`
					} `yaml:"credentials"`
				} `yaml:"authorization"`
			} `yaml:"podMetricsEndpoints"`
		} `yaml:"spec"`
	}

	kustomization struct {
		TypeMeta  `yaml:",inline"`
		Namespace string   `yaml:"namespace"`
		Resources []string `yaml:"resources"`
		Images    []struct {
			Name    string `yaml:"name"`
			NewName string `yaml:"newName"`
			NewTag  string `yaml:"newTag"`
		} `yaml:"images"`
		SecretGenerator []struct {
			Name    string   `yaml:"name"`
			Files   []string `yaml:"files"`
			Envs    []string `yaml:"envs"`
			Options struct {
				DisableNameSuffixHash bool `yaml:"disableNameSuffixHash"`
			} `yaml:"options"`
		} `yaml:"secretGenerator"`
		Labels []struct {
			Pairs map[string]string `yaml:"pairs"`
		} `yaml:"labels"`
	}
)

// shippedKinds are the kinds that are shipped, by their version and name.
var shippedKinds = map[string]func() any{
	"v1/Namespace":                       func() any { return &namespaceKind{} },
	"apps/v1/StatefulSet":                func() any { return &statefulSetKind{} },
	"policy/v1/PodDisruptionBudget":      func() any { return &budgetKind{} },
	"v1/Service":                         func() any { return &serviceKind{} },
	"networking.k8s.io/v1/NetworkPolicy": func() any { return &policyKind{} },
	"monitoring.coreos.com/v1/PodMonitor": func() any {
		return &podMonitorKind{}
	},
}

// objects are the objects of a file.
func objects(t *testing.T, file string) (all []object) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range bytes.Split(b, []byte("\n---\n")) {
		var o object
		if err := yaml.Unmarshal(text, &o); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		kind := shippedKinds[o.text("apiVersion")+"/"+o.text("kind")]
		if kind == nil {
			t.Errorf("%s: %s %s is no kind that is known here", file, o.text("apiVersion"), o.text("kind"))
		} else if err := yaml.UnmarshalWithOptions(text, kind(), yaml.Strict()); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		all = append(all, o)
	}
	return all
}

// kustomized is the kustomization of a folder.
func kustomized(t *testing.T, dir string) (k kustomization) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "kustomization.yaml"))
	if err == nil {
		err = yaml.UnmarshalWithOptions(b, &k, yaml.Strict())
	}
	if err != nil {
		t.Fatalf("kustomization.yaml: %v", err)
	}
	return k
}

// manifests are the objects of the files that the kustomization names, by kind and
// name.
func manifests(t *testing.T, dir string) map[string]object {
	t.Helper()
	all := map[string]object{}
	for _, file := range kustomized(t, dir).Resources {
		for _, o := range objects(t, filepath.Join(dir, file)) {
			name := o.text("kind") + "/" + o.text("metadata", "name")
			if strings.HasSuffix(name, "/") || all[name] != nil {
				t.Errorf("%s: an object without a name of its own: %s", file, name)
			}
			all[name] = o
		}
	}
	return all
}

func readYAML(t *testing.T, file string, decode func(*yaml.Decoder) error) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if err := decode(yaml.NewDecoder(bufio.NewReader(f))); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}
