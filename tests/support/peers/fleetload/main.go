// A fleet of light data planes: each has a connection and an incremental ADS stream of its own, asks for all that its clusters and
// listeners name, and acknowledges whatever comes without looking at more of it than names. Commands come on standard input:
//
//	mark        counting begins anew
//	wait TYPE   answers once each node was sent a response of that type (CDS, EDS, LDS, RDS) since the mark
//	count       answers at once
//	reconnect   marks, closes all streams and connections, and opens them again with what each holds; answers once all asked for all types
//	dump FILE   writes the resources that the first node holds
//	quit
//
// Answers are JSON lines on standard output; so is the first line, once each node holds everything.
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
	"strings"
	"sync"
	"sync/atomic"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

const prefix = "type.googleapis.com/envoy.config."

var types = []string{"CDS", "EDS", "LDS", "RDS"}
var urls = map[string]string{"CDS": prefix + "cluster.v3.Cluster", "EDS": prefix + "endpoint.v3.ClusterLoadAssignment",
	"LDS": prefix + "listener.v3.Listener", "RDS": prefix + "route.v3.RouteConfiguration"}

// Messages stay bytes: a response of a megabyte isn't made into objects a thousand times.
type raw struct{}

func (raw) Name() string { return "proto" }
func (raw) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*v.(*[]byte))}, nil
}
func (raw) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*[]byte) = data.Materialize()
	return nil
}

var _ encoding.CodecV2 = raw{}

// What was read from a connection, with all that gRPC and HTTP/2 add.
type counted struct {
	net.Conn
	read *atomic.Int64
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.read.Add(int64(n))
	return n, err
}

type node struct {
	id       string
	versions [4]map[string]string // of what it holds, by name
	asked    [4]atomic.Bool
	wire     atomic.Int64
	messages [4]atomic.Int64
	bytes    [4]atomic.Int64
	cancel   context.CancelFunc
	conn     *grpc.ClientConn
	kept     *[4]map[string][]byte
}

var address, routes, agent, cluster string
var mutex sync.Mutex
var changed = sync.NewCond(&mutex)
var acknowledged [4]int // nodes that were sent a response since the mark
var lastAck time.Time

func typeIndex(url string) int {
	for i, name := range types {
		if urls[name] == url {
			return i
		}
	}
	return -1
}

// The few fields of a DeltaDiscoveryResponse that count here.
func parse(message []byte) (url, nonce string, resources [][]byte, removed []string) {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		message = message[n:]
		if kind != protowire.BytesType {
			log.Fatalf("field %d of a response", number)
		}
		value, n := protowire.ConsumeBytes(message)
		message = message[n:]
		switch number {
		case 2:
			resources = append(resources, value)
		case 4:
			url = string(value)
		case 5:
			nonce = string(value)
		case 6:
			removed = append(removed, string(value))
		}
	}
	return
}

func parseResource(message []byte) (name, version string, body []byte) {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		message = message[n:]
		n = protowire.ConsumeFieldValue(number, kind, message)
		if kind == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(message)
			switch number {
			case 1:
				version = string(value)
			case 2:
				body = value
			case 3:
				name = string(value)
			}
		}
		message = message[n:]
	}
	return
}

func (n *node) send(stream grpc.ClientStream, request *discoveryv3.DeltaDiscoveryRequest) {
	data, err := proto.Marshal(request)
	if err == nil {
		err = stream.SendMsg(&data)
	}
	if err != nil && stream.Context().Err() == nil {
		log.Fatalf("%s: %v", n.id, err)
	}
}

func (n *node) ask(stream grpc.ClientStream, kind int, names []string, first bool) {
	request := &discoveryv3.DeltaDiscoveryRequest{TypeUrl: urls[types[kind]], ResourceNamesSubscribe: names}
	if first {
		request.InitialResourceVersions = n.versions[kind]
	}
	n.send(stream, request)
	n.asked[kind].Store(true)
}

func keys(of map[string]string) []string {
	names := []string{}
	for name := range of {
		names = append(names, name)
	}
	return names
}

func (n *node) open(again bool) grpc.ClientStream {
	dial := func(ctx context.Context, target string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", target)
		return counted{conn, &n.wire}, err
	}
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithContextDialer(dial),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(raw{}), grpc.MaxCallRecvMsgSize(64<<20)), grpc.WithInitialWindowSize(4<<20),
		grpc.WithInitialConnWindowSize(4<<20), grpc.WithReadBufferSize(16<<10), grpc.WithWriteBufferSize(4<<10))
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	n.conn, n.cancel = conn, cancel
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true},
		"/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources", grpc.WaitForReady(true))
	if err != nil {
		log.Fatal(err)
	}
	first := &discoveryv3.DeltaDiscoveryRequest{TypeUrl: urls["CDS"], InitialResourceVersions: n.versions[0]}
	first.Node = &corev3.Node{Id: n.id, Cluster: cluster, UserAgentName: agent}
	n.send(stream, first)
	n.asked[0].Store(true)
	if again {
		n.ask(stream, 1, keys(n.versions[1]), true)
	}
	n.ask(stream, 2, nil, true)
	if again {
		n.ask(stream, 3, []string{routes}, true)
	}
	go n.receive(stream)
	return stream
}

func (n *node) receive(stream grpc.ClientStream) {
	for {
		var message []byte
		if err := stream.RecvMsg(&message); err != nil {
			if stream.Context().Err() != nil {
				return
			}
			log.Fatalf("%s: %v", n.id, err)
		}
		url, nonce, resources, removed := parse(message)
		kind := typeIndex(url)
		if kind < 0 {
			log.Fatalf("%s was sent %q", n.id, url)
		}
		fresh := []string{}
		for _, resource := range resources {
			name, version, body := parseResource(resource)
			if _, has := n.versions[kind][name]; !has {
				fresh = append(fresh, name)
			}
			n.versions[kind][name] = version
			if n.kept != nil {
				n.kept[kind][name] = body
			}
		}
		for _, name := range removed {
			delete(n.versions[kind], name)
		}
		n.bytes[kind].Add(int64(len(message)))
		n.send(stream, &discoveryv3.DeltaDiscoveryRequest{TypeUrl: url, ResponseNonce: nonce})
		if kind == 0 && len(fresh) > 0 {
			n.ask(stream, 1, fresh, !n.asked[1].Load())
		}
		if kind == 2 && !n.asked[3].Load() {
			n.ask(stream, 3, []string{routes}, true)
		}
		if n.messages[kind].Add(1) == 1 {
			mutex.Lock()
			acknowledged[kind]++
			lastAck = time.Now()
			mutex.Unlock()
			changed.Broadcast()
		}
	}
}

var nodes []*node
var marked time.Time

func mark() {
	mutex.Lock()
	defer mutex.Unlock()
	for _, n := range nodes {
		for kind := range types {
			n.messages[kind].Store(0)
			n.bytes[kind].Store(0)
		}
		n.wire.Store(0)
	}
	acknowledged = [4]int{}
	marked = time.Now()
}

func tell(what map[string]any) {
	line, _ := json.Marshal(what)
	fmt.Println(string(line))
}

func count() {
	told := map[string]any{"ms": float64(lastAck.Sub(marked).Microseconds()) / 1000}
	var wire, wireMost int64
	for _, n := range nodes {
		if n.wire.Load() > wireMost {
			wireMost = n.wire.Load()
		}
		wire += n.wire.Load()
	}
	told["wire"], told["wire_most"] = wire, wireMost
	for kind, name := range types {
		var messages, bytes, most int64
		for _, n := range nodes {
			messages += n.messages[kind].Load()
			bytes += n.bytes[kind].Load()
			if n.bytes[kind].Load() > most {
				most = n.bytes[kind].Load()
			}
		}
		told[name] = map[string]int64{"messages": messages, "bytes": bytes, "most": most}
	}
	tell(told)
}

func wait(kinds ...int) {
	mutex.Lock()
	for _, kind := range kinds {
		for acknowledged[kind] < len(nodes) {
			changed.Wait()
		}
	}
	mutex.Unlock()
	count()
}

func each(do func(n *node)) {
	var all sync.WaitGroup
	for _, n := range nodes {
		all.Add(1)
		go func() { defer all.Done(); do(n) }()
	}
	all.Wait()
}

func reconnect() {
	each(func(n *node) { n.cancel(); n.conn.Close() })
	mark()
	each(func(n *node) { n.open(true) })
	tell(map[string]any{"ms": float64(time.Since(marked).Microseconds()) / 1000})
}

func dump(path string) {
	told := map[string]map[string][]byte{}
	for kind, name := range types {
		told[name] = nodes[0].kept[kind]
	}
	data, _ := json.Marshal(told)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		log.Fatal(err)
	}
	tell(map[string]any{"dumped": path})
}

func main() {
	total := flag.Int("nodes", 1000, "how many")
	flag.StringVar(&cluster, "node-cluster", "", "of all nodes")
	flag.StringVar(&address, "xds", "", "HOST:PORT")
	flag.StringVar(&routes, "routes", "", "the name of the route configuration")
	flag.StringVar(&agent, "user-agent", "gateway-dataplane", "what the nodes say they are")
	flag.Parse()
	for i := 0; i < *total; i++ {
		n := &node{id: fmt.Sprintf("light-%d", i)}
		for kind := range types {
			n.versions[kind] = map[string]string{}
		}
		nodes = append(nodes, n)
	}
	nodes[0].kept = &[4]map[string][]byte{{}, {}, {}, {}}
	mark()
	each(func(n *node) { n.open(false) })
	wait(0, 1, 2, 3)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		switch words[0] {
		case "mark":
			mark()
			tell(map[string]any{"marked": true})
		case "wait":
			for i, name := range types {
				if name == words[1] {
					wait(i)
				}
			}
		case "count":
			count()
		case "reconnect":
			reconnect()
		case "dump":
			dump(words[1])
		case "quit":
			return
		}
	}
}
