package main

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
)

// The longest time a process takes to stop, s: STOP_MAX_MS in src/run-stages.ts. A test compares the two.
const stopMaxSeconds = 45

// What must hold for every pod and types cannot express.
func rules(objects []any) []string {
	var problems []string
	configMaps := map[string]bool{}
	for _, object := range objects {
		if configMap, is := object.(*corev1.ConfigMap); is {
			configMaps[configMap.Name] = true
		}
	}
	for _, object := range objects {
		switch owner := object.(type) {
		case *appsv1.Deployment:
			where := "Deployment " + owner.Name
			problems = append(problems, podRules(where, owner.Spec.Template.Spec, configMaps)...)
			problems = append(problems, serviceRules(where, owner.Spec.Template.Spec)...)
			for key, value := range owner.Spec.Selector.MatchLabels {
				if owner.Spec.Template.Labels[key] != value {
					problems = append(problems, fmt.Sprintf("%s: selects %s=%s, which its pods do not have", where, key, value))
				}
			}
		case *batchv1.Job:
			problems = append(problems, podRules("Job "+owner.Name, owner.Spec.Template.Spec, configMaps)...)
		}
	}
	return problems
}

func podRules(where string, pod corev1.PodSpec, configMaps map[string]bool) []string {
	var problems []string
	say := func(holds bool, problem string) {
		if !holds {
			problems = append(problems, where+": "+problem)
		}
	}
	say(pod.AutomountServiceAccountToken != nil && !*pod.AutomountServiceAccountToken, "mounts a token that is not needed")
	say(pod.EnableServiceLinks != nil && !*pod.EnableServiceLinks, "gets variables for services, such as PAYSTATUS_GATEWAY_PORT=tcp://…, which the configuration reads")
	security := pod.SecurityContext
	say(security != nil && security.RunAsNonRoot != nil && *security.RunAsNonRoot, "may run as root")
	say(security != nil && security.SeccompProfile != nil, "has no seccomp profile")
	for _, container := range append(append([]corev1.Container{}, pod.InitContainers...), pod.Containers...) {
		own := container.SecurityContext
		name := "container " + container.Name + " "
		say(own != nil && own.ReadOnlyRootFilesystem != nil && *own.ReadOnlyRootFilesystem, name+"can write to its root")
		say(own != nil && own.AllowPrivilegeEscalation != nil && !*own.AllowPrivilegeEscalation, name+"may gain privileges")
		say(own != nil && own.Capabilities != nil && len(own.Capabilities.Drop) == 1 && own.Capabilities.Drop[0] == "ALL", name+"keeps capabilities")
		say(!container.Resources.Requests.Memory().IsZero() && !container.Resources.Limits.Memory().IsZero(), name+"has no memory request and limit")
		for _, variable := range container.Env {
			say(variable.ValueFrom == nil || variable.ValueFrom.SecretKeyRef == nil, name+"has a secret in "+variable.Name+"; mount it as a file")
		}
	}
	for _, volume := range pod.Volumes {
		if volume.ConfigMap != nil {
			say(configMaps[volume.ConfigMap.Name], "mounts the ConfigMap "+volume.ConfigMap.Name+", which is not there")
		}
	}
	return problems
}

func serviceRules(where string, pod corev1.PodSpec) []string {
	var problems []string
	preStopSeconds := int64(0)
	for _, container := range pod.Containers {
		if container.ReadinessProbe == nil || container.LivenessProbe == nil {
			problems = append(problems, where+": container "+container.Name+" has not both probes")
		}
		if container.Lifecycle != nil && container.Lifecycle.PreStop != nil && container.Lifecycle.PreStop.Sleep != nil {
			preStopSeconds = container.Lifecycle.PreStop.Sleep.Seconds
		}
	}
	grace := pod.TerminationGracePeriodSeconds
	if grace == nil || *grace <= preStopSeconds+stopMaxSeconds {
		problems = append(problems, fmt.Sprintf("%s: is killed before it can have stopped: terminationGracePeriodSeconds must be above %d + %d", where, preStopSeconds, stopMaxSeconds))
	}
	return problems
}
