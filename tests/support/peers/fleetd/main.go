// A control plane made with go-control-plane, to be measured beside ours: serves one snapshot to all nodes, out of a file that
// `fleetload dump` has written. Each line of standard input changes something: "endpoint" one service's port, "route" one route's timeout,
// "cluster" one cluster's connect timeout.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"sort"
	"strconv"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
)

type everybody struct{}

func (everybody) ID(*corev3.Node) string { return "all" }

var urls = map[string]resource.Type{"CDS": resource.ClusterType, "EDS": resource.EndpointType, "LDS": resource.ListenerType, "RDS": resource.RouteType}
var empty = map[string]func() types.Resource{
	"CDS": func() types.Resource { return &clusterv3.Cluster{} }, "EDS": func() types.Resource { return &endpointv3.ClusterLoadAssignment{} },
	"LDS": func() types.Resource { return &listenerv3.Listener{} }, "RDS": func() types.Resource { return &routev3.RouteConfiguration{} }}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func load(path string) map[string][]types.Resource {
	var dumped map[string]map[string][]byte
	if err := json.Unmarshal(must(os.ReadFile(path)), &dumped); err != nil {
		log.Fatal(err)
	}
	made := map[string][]types.Resource{}
	for kind, byName := range dumped {
		names := []string{}
		for name := range byName {
			names = append(names, name)
		}
		sort.Strings(names)
		for _, name := range names {
			wrapped, message := &anypb.Any{}, empty[kind]()
			if err := proto.Unmarshal(byName[name], wrapped); err != nil {
				log.Fatal(err)
			}
			if err := wrapped.UnmarshalTo(message); err != nil {
				log.Fatal(err)
			}
			made[kind] = append(made[kind], message)
		}
	}
	return made
}

// The snapshot of before is served on: what changes is a copy.
func change(resources map[string][]types.Resource, kind string, turn uint32) {
	const at = 0
	switch changed := proto.Clone(resources[kind][at]).(type) {
	case *endpointv3.ClusterLoadAssignment:
		changed.Endpoints[0].LbEndpoints[0].GetEndpoint().Address.GetSocketAddress().PortSpecifier =
			&corev3.SocketAddress_PortValue{PortValue: 20000 + turn}
		resources[kind] = append([]types.Resource{changed}, resources[kind][1:]...)
	case *routev3.RouteConfiguration:
		changed.VirtualHosts[0].Routes[0].GetRoute().Timeout = durationpb.New(time.Duration(turn) * time.Second)
		resources[kind] = append([]types.Resource{changed}, resources[kind][1:]...)
	case *clusterv3.Cluster:
		changed.ConnectTimeout = durationpb.New(time.Duration(turn) * time.Second)
		resources[kind] = append([]types.Resource{changed}, resources[kind][1:]...)
	}
}

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address")
	from := flag.String("from", "", "what to serve")
	flag.Parse()
	resources := load(*from)
	snapshots := cache.NewSnapshotCache(false, everybody{}, nil)
	serve := func(turn uint32) {
		byType := map[resource.Type][]types.Resource{}
		for kind, url := range urls {
			byType[url] = resources[kind]
		}
		snapshot := must(cache.NewSnapshot(strconv.Itoa(int(turn)), byType))
		if err := snapshots.SetSnapshot(context.Background(), "all", snapshot); err != nil {
			log.Fatal(err)
		}
	}
	serve(1)
	socket := must(net.Listen("tcp", *listen))
	grpcServer := grpc.NewServer(grpc.MaxRecvMsgSize(64 << 20))
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(grpcServer, server.NewServer(context.Background(), snapshots, nil))
	go func() { log.Fatal(grpcServer.Serve(socket)) }()
	fmt.Printf("{\"listening\":%q}\n", socket.Addr())
	kinds := map[string]string{"endpoint": "EDS", "route": "RDS", "cluster": "CDS"}
	lines := bufio.NewScanner(os.Stdin)
	for turn := uint32(2); lines.Scan(); turn++ {
		change(resources, kinds[lines.Text()], turn)
		serve(turn)
	}
}
