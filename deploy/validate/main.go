// Renders a kustomization and decodes every object strictly into the types of its API: a field that does not exist, is
// misplaced or has the wrong type is an error. It also checks what types cannot express: see rules.go.
//
// usage: validate DIRECTORY...
package main

import (
	"fmt"
	"os"
	"strings"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// The kinds that may be deployed. Any other kind is an error, so that nothing stays unchecked.
var kinds = map[string]func() any{
	"apps/v1 Deployment":                      func() any { return &appsv1.Deployment{} },
	"autoscaling/v2 HorizontalPodAutoscaler":  func() any { return &autoscalingv2.HorizontalPodAutoscaler{} },
	"batch/v1 Job":                            func() any { return &batchv1.Job{} },
	"keda.sh/v1alpha1 ScaledObject":           func() any { return &scaledObject{} },
	"monitoring.coreos.com/v1 ServiceMonitor": func() any { return &monitoringv1.ServiceMonitor{} },
	"networking.k8s.io/v1 NetworkPolicy":      func() any { return &networkingv1.NetworkPolicy{} },
	"policy/v1 PodDisruptionBudget":           func() any { return &policyv1.PodDisruptionBudget{} },
	"v1 ConfigMap":                            func() any { return &corev1.ConfigMap{} },
	"v1 Namespace":                            func() any { return &corev1.Namespace{} },
	"v1 Service":                              func() any { return &corev1.Service{} },
	"v1 ServiceAccount":                       func() any { return &corev1.ServiceAccount{} },
}

func main() {
	failed := false
	for _, directory := range os.Args[1:] {
		objects, problems := validate(directory)
		for _, problem := range problems {
			fmt.Fprintf(os.Stderr, "%s: %s\n", directory, problem)
			failed = true
		}
		fmt.Printf("%s: %d objects\n", directory, len(objects))
	}
	if failed {
		os.Exit(1)
	}
}

func validate(directory string) ([]any, []string) {
	rendered, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), directory)
	if err != nil {
		return nil, []string{err.Error()}
	}
	var objects []any
	var problems []string
	for _, resource := range rendered.Resources() {
		name := strings.TrimSpace(resource.GetApiVersion() + " " + resource.GetKind())
		where := resource.GetKind() + " " + resource.GetName()
		text, err := resource.AsYAML()
		if err != nil {
			problems = append(problems, where+": "+err.Error())
			continue
		}
		create, known := kinds[name]
		if !known {
			problems = append(problems, where+": "+name+" is not among the kinds that are checked; add it to main.go")
			continue
		}
		object := create()
		if err := yaml.UnmarshalStrict(text, object); err != nil {
			problems = append(problems, where+": "+err.Error())
			continue
		}
		objects = append(objects, object)
	}
	return objects, append(problems, rules(objects)...)
}
