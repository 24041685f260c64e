// kstatus says what tools that follow kstatus (Flux, Argo's health checks, cli-utils) make of Kubernetes objects: it
// reads a JSON array of objects and writes a JSON array of {"status", "message"}.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

type verdict struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	var objects []unstructured.Unstructured
	if err := json.NewDecoder(os.Stdin).Decode(&objects); err != nil {
		return err
	}
	verdicts := make([]verdict, 0, len(objects))
	for _, object := range objects {
		found, err := status.Compute(&object)
		if err != nil {
			return err
		}
		verdicts = append(verdicts, verdict{found.Status.String(), found.Message})
	}
	return json.NewEncoder(os.Stdout).Encode(verdicts)
}
