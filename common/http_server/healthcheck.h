/* Why: `PROGRAM healthcheck`: asks a running program of ours, on this machine, whether it is ready: for containers without a shell.
 * Life: no objects kept.
 * Thread: main; it blocks, for --timeout at most. */
#ifndef GW_COMMON_HTTP_SERVER_HEALTHCHECK_H
#define GW_COMMON_HTTP_SERVER_HEALTHCHECK_H

struct gw_healthcheck {
  const char *program;         /* "gateway-dataplane" */
  const char *flag;            /* "status-http": where it listens, as its own flag says … */
  const char *environment;     /* … or this variable, "GATEWAY_STATUS_HTTP" … */
  const char *default_address; /* … or nobody */
  const char *port_key;        /* of the port in --ports-file, which tells it where port 0 was asked for */
};

/* `argv` begins with "healthcheck". Prints what was answered. Returns the exit code: 0: it is ready; 1: it is not, or does not answer;
 * 64: usage. */
int gw_healthcheck_run(const struct gw_healthcheck *healthcheck, int argc, char **argv);

#endif
