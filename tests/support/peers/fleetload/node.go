package main

import corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"

var nodeOf func(id string) *corev3.Node

func nodeMaker(cluster string) func(id string) *corev3.Node {
	return func(id string) *corev3.Node {
		return &corev3.Node{Id: id, Cluster: cluster, UserAgentName: agent, UserAgentVersionType: &corev3.Node_UserAgentVersion{UserAgentVersion: "1"}}
	}
}
