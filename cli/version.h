/* The version that --version prints and brokers are told in ApiVersions; meson.build gives it. */
#ifndef ODRADEK_CLI_VERSION_H
#define ODRADEK_CLI_VERSION_H

#ifndef ODRADEK_VERSION
#define ODRADEK_VERSION "0.1.0"
#endif

#endif
