/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The few members of kernel types that the lab's programs read. CO-RE finds them by name in the running
 * kernel's BTF, so these need neither the right order nor the right size, and one object loads on every
 * kernel.
 */
#ifndef KNETLAB_KERNEL_TYPES_H
#define KNETLAB_KERNEL_TYPES_H

#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct net_device {
	int ifindex;
	possible_net_t nd_net;
	const void *netdev_ops;
};

struct napi_struct {
	struct net_device *dev;
};

struct in6_addr_words {
	__u32 words[4];
};

typedef struct {
	long counter;
} atomic64_t;

struct sock_common {
	unsigned short skc_family;
	__u32 skc_rcv_saddr;
	__u16 skc_num;
	struct in6_addr_words skc_v6_rcv_saddr;
	possible_net_t skc_net;
	atomic64_t skc_cookie;
};

struct sock {
	struct sock_common __sk_common;
	__u16 sk_protocol;
};

struct sk_buff {
	struct net_device *dev;
	struct sock *sk;
	unsigned char *head;
	unsigned char *data;
	unsigned int len;
	int skb_iif;
	__u16 mac_header;
	unsigned long _skb_refdst;
	void (*destructor)(struct sk_buff *skb);
};

struct bpf_prog;

#pragma clang attribute pop

#endif
