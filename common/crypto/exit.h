/* Why: threads that use OpenSSL and end in their own time, as gRPC's do.
 * Life: before anything of OpenSSL is used, as a constructor function is.
 * Thread: the only one. */
#ifndef GW_COMMON_CRYPTO_EXIT_H
#define GW_COMMON_CRYPTO_EXIT_H

/* OpenSSL does not clean up when the process ends. */
void gw_crypto_outlive_exit(void);

#endif
