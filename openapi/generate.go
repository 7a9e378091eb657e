package openapi

// The generated packages are committed; regenerating them must change nothing.
//
//go:generate go -C .. tool oapi-codegen -config openapi/codegen/mesos.yaml openapi/mesos.yaml
//go:generate go -C .. tool oapi-codegen -config openapi/codegen/scheduler.yaml openapi/scheduler.yaml
//go:generate go -C .. tool oapi-codegen -config openapi/codegen/executor.yaml openapi/executor.yaml
//go:generate go -C .. tool oapi-codegen -config openapi/codegen/operator.yaml openapi/operator.yaml
//go:generate go -C .. tool oapi-codegen -config openapi/codegen/agent.yaml openapi/agent.yaml
//go:generate go -C .. tool oapi-codegen -config openapi/codegen/node.yaml openapi/node.yaml
//go:generate go -C .. tool oapi-codegen -config openapi/codegen/meseta.yaml openapi/meseta.yaml
