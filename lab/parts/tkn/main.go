// Tekton's own command line, put together from its packages: the commands of Pipelines. Its whole program also takes in
// Tekton's hub and chains, of which the module proxy has not every version that it asks for.
package main

import (
	"os"

	"github.com/spf13/cobra"
	"github.com/tektoncd/cli/pkg/cli"
	"github.com/tektoncd/cli/pkg/cmd/completion"
	"github.com/tektoncd/cli/pkg/cmd/customrun"
	"github.com/tektoncd/cli/pkg/cmd/pipeline"
	"github.com/tektoncd/cli/pkg/cmd/pipelinerun"
	"github.com/tektoncd/cli/pkg/cmd/task"
	"github.com/tektoncd/cli/pkg/cmd/taskrun"
	"github.com/tektoncd/cli/pkg/cmd/version"
)

func main() {
	params := &cli.TektonParams{}
	tkn := &cobra.Command{Use: "tkn", Short: "CLI for tekton pipelines", SilenceUsage: true}
	tkn.AddCommand(
		pipeline.Command(params),
		pipelinerun.Command(params),
		task.Command(params),
		taskrun.Command(params),
		customrun.Command(params),
		completion.Command(),
		version.Command(params),
	)
	if tkn.Execute() != nil {
		os.Exit(1)
	}
}
