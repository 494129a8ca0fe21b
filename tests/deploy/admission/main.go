// Admission shows what a MutatingAdmissionPolicy makes of pods, by the code of Kubernetes' own API server.
//
//	admission policy.yaml <pods.json
//
// Standard input is an array of pods; so is what is printed. A policy that fails ends it with what went wrong.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"

	admissionregistration "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/policy/mutating/patch"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/matchconditions"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/cel/environment"
	"k8s.io/client-go/applyconfigurations"
	"sigs.k8s.io/yaml"
)

var (
	podKind     = corev1.SchemeGroupVersion.WithKind("Pod")
	podResource = corev1.SchemeGroupVersion.WithResource("pods")
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("admission POLICY.yaml <PODS.json")
	}
	written, err := os.ReadFile(os.Args[1])
	must(err)
	var policy admissionregistration.MutatingAdmissionPolicy
	must(yaml.UnmarshalStrict(written, &policy))
	var pods []*corev1.Pod
	must(json.NewDecoder(os.Stdin).Decode(&pods))

	server := newServer(&policy)
	for at := range pods {
		pods[at] = server.admit(pods[at])
		// Another policy may have changed the pod, so that this one is asked again.
		pods[at] = server.admit(pods[at])
	}
	must(json.NewEncoder(os.Stdout).Encode(pods))
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// server is the part of an API server that this is about.
type server struct {
	ctx      context.Context
	objects  admission.ObjectInterfaces
	types    managedfields.TypeConverter
	matcher  matchconditions.Matcher
	patchers []patch.Patcher
}

func newServer(policy *admissionregistration.MutatingAdmissionPolicy) *server {
	scheme := runtime.NewScheme()
	must(corev1.AddToScheme(scheme))
	compiler, err := cel.NewCompositedCompiler(
		environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion()))
	must(err)
	options := cel.OptionalVariableDeclarations{HasAuthorizer: true}
	variables := make([]cel.NamedExpressionAccessor, len(policy.Spec.Variables))
	for at, one := range policy.Spec.Variables {
		variables[at] = &validating.Variable{Name: one.Name, Expression: one.Expression}
	}
	compiler.CompileAndStoreVariables(variables, options, environment.NewExpressions)
	made := &server{
		ctx:     compiler.CreateContext(context.Background()),
		objects: admission.NewObjectInterfacesFromScheme(scheme),
		types:   applyconfigurations.NewTypeConverter(scheme),
	}
	made.matcher = matcherOf(policy, compiler, options)
	options.HasPatchTypes = true
	for _, mutation := range policy.Spec.Mutations {
		made.patchers = append(made.patchers, patcherOf(mutation, compiler, options))
	}
	return made
}

func matcherOf(policy *admissionregistration.MutatingAdmissionPolicy, compiler *cel.CompositedCompiler,
	options cel.OptionalVariableDeclarations,
) matchconditions.Matcher {
	conditions := make([]cel.ExpressionAccessor, len(policy.Spec.MatchConditions))
	for at := range conditions {
		conditions[at] = (*matchconditions.MatchCondition)(&policy.Spec.MatchConditions[at])
	}
	evaluator := compiler.CompileCondition(conditions, options, environment.NewExpressions)
	return matchconditions.NewMatcher(evaluator, policy.Spec.FailurePolicy, "policy", "validate", policy.Name)
}

func patcherOf(mutation admissionregistration.Mutation, compiler *cel.CompositedCompiler,
	options cel.OptionalVariableDeclarations,
) patch.Patcher {
	if mutation.PatchType == admissionregistration.PatchTypeJSONPatch {
		condition := &patch.JSONPatchCondition{Expression: mutation.JSONPatch.Expression}
		return patch.NewJSONPatcher(
			compiler.CompileMutatingEvaluator(condition, options, environment.NewExpressions))
	}
	condition := &patch.ApplyConfigurationCondition{Expression: mutation.ApplyConfiguration.Expression}
	return patch.NewApplyConfigurationPatcher(
		compiler.CompileMutatingEvaluator(condition, options, environment.NewExpressions))
}

// admit is a pod that is to be created, as it is let in.
func (s *server) admit(pod *corev1.Pod) *corev1.Pod {
	pod.SetGroupVersionKind(podKind)
	attributes := admission.NewAttributesRecord(pod, nil, podKind, pod.Namespace, pod.Name, podResource, "",
		admission.Create, &metav1.CreateOptions{}, false, nil)
	versioned := &admission.VersionedAttributes{
		Attributes: attributes, VersionedKind: podKind,
		VersionedObject: admission.NewLazyObject(pod), VersionedOldObject: admission.NewLazyObject(nil),
	}
	matched := s.matcher.Match(s.ctx, versioned, nil, nil)
	must(matched.Error)
	if !matched.Matches {
		return pod
	}
	for at, patcher := range s.patchers {
		made, err := patcher.Patch(s.ctx, patch.Request{
			MatchedResource: podResource, VersionedAttributes: versioned, ObjectInterfaces: s.objects,
			TypeConverter: s.types,
		}, celconfig.RuntimeCELCostBudget)
		if err != nil {
			log.Fatalf("mutation %d: %v", at, err)
		}
		converted, err := s.objects.GetObjectConvertor().ConvertToVersion(made, corev1.SchemeGroupVersion)
		must(err)
		versioned.UpdateObject(converted)
	}
	final, ok := versioned.VersionedObject.Object().(*corev1.Pod)
	if !ok {
		log.Fatal(fmt.Errorf("found %T, and no pod", versioned.VersionedObject.Object()))
	}
	return final
}
