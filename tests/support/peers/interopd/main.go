// gRPC's own interoperability test service (grpc-go's), on an address of one's choice, with health and reflection.
// The first line of standard output tells the address. SIGTERM: GOAWAY, calls that are open finish, exit 0.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/interop"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"
)

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address")
	cert := flag.String("cert", "", "certificate (PEM); with -key: TLS")
	key := flag.String("key", "", "private key (PEM)")
	maxAge := flag.Duration("max-age", 0, "each connection gets a GOAWAY at about this age")
	flag.Parse()
	socket := must(net.Listen("tcp", *listen))
	var options []grpc.ServerOption
	if *cert != "" {
		options = append(options, grpc.Creds(must(credentials.NewServerTLSFromFile(*cert, *key))))
	}
	if *maxAge > 0 {
		options = append(options, grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionAge: *maxAge, MaxConnectionAgeGrace: 10 * time.Second}))
	}
	server := grpc.NewServer(options...)
	testgrpc.RegisterTestServiceServer(server, interop.NewTestServer())
	state := health.NewServer()
	state.SetServingStatus("grpc.testing.TestService", healthpb.HealthCheckResponse_SERVING)
	healthpb.RegisterHealthServer(server, state)
	reflection.Register(server)
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM)
	go func() {
		<-ended
		server.GracefulStop()
	}()
	fmt.Printf("{\"listening\":%q}\n", socket.Addr())
	if err := server.Serve(socket); err != nil {
		log.Fatal(err)
	}
}
