package config

import "math"

// addRefusedFlags adds what cannot be given a protecting value.
func (a *Agent) addRefusedFlags(t *table) {
	t.in("Security")
	for _, name := range []string{"authenticate_http_executors", "authenticate_http_readonly", "authenticate_http_readwrite"} {
		addRefusedSwitch(t, &a.inert, name)
	}
	addRefusedDocument(t, &a.inert, "acls", noAuthentication)
	addRefusedDocument(t, &a.inert, "firewall_rules", "this version cannot disable endpoints: leave the flag out and restrict who can reach the port")
}

// Reasons that several flags share.
const (
	whyProcess          = "tasks without an image run as plain processes, limited by control groups where that is permitted"
	whyImages           = "images are pulled and stored by the Docker engine"
	whyOversubscription = "there is no oversubscription"
	whyCapabilities     = "tasks keep the Linux capabilities of the user they run as"
	whyNetworks         = "container networks are those of the Docker engine"
	whyProviders        = "there are no resource providers"
	whySystemd          = "nothing depends on systemd: a supervisor process outlives the agent"
	whyPortMapping      = "the port mapping isolator does not exist here"
	whyAppc             = "appc images are not supported"
	whyXFS              = "disk is not limited through XFS quotas"
)

// addInertAgentFlags adds the flags of Mesos's agent for which there is
// nothing to do.
func addInertAgentFlags(t *table, v *map[string]string) {
	ignore(t, v, "agent_features", "", document(), "the agent always offers all that it can do").takesJSON()
	ignore(t, v, "agent_subsystems", "", list(), "it has been without meaning in Mesos, too").alias("slave_subsystems")
	ignore(t, v, "allowed_devices", "", document(), "device access of tasks is not changed").takesJSON()
	ignore(t, v, "appc_simple_discovery_uri_prefix", "http://", text(), whyAppc)
	ignore(t, v, "appc_store_dir", "", text(), whyAppc).takesPath()
	ignore(t, v, "authenticatee", "crammd5", text(), whyDriver)
	ignore(t, v, "authentication_backoff_factor", "1secs", anyDuration(), whyDriver)
	ignore(t, v, "authentication_timeout", "", anyDuration(), whyDriver)
	ignore(t, v, "authentication_timeout_max", "1mins", anyDuration(), whyDriver)
	ignore(t, v, "authentication_timeout_min", "5secs", anyDuration(), whyDriver)
	ignore(t, v, "authorizer", "local", text(), whyNoAuth)
	ignore(t, v, "bounding_capabilities", "", document(), whyCapabilities).takesJSON()
	ignore(t, v, "effective_capabilities", "", document(), whyCapabilities).alias("allowed_capabilities").takesJSON()
	ignore(t, v, "container_disk_watch_interval", "15secs", anyDuration(), "disk use of single containers is not limited")
	ignore(t, v, "container_logger", "", text(), whyModules)
	ignore(t, v, "credential", "", text(), whyNoAuth).takesPath()
	ignore(t, v, "csi_plugin_config_dir", "", text(), whyProviders).takesPath()
	ignore(t, v, "default_container_dns", "", document(), whyNetworks).takesJSON()
	ignore(t, v, "default_container_info", "", document(), whyProcess).takesJSON()
	ignore(t, v, "default_container_shm_size", "", size(0), whyProcess)
	ignore(t, v, "disk_profile_adaptor", "", text(), whyProviders)
	ignore(t, v, "docker", "docker", text(), "the engine is used through its socket, not through its command")
	ignore(t, v, "docker_ignore_runtime", "false", boolean(), whyImages)
	ignore(t, v, "docker_mesos_image", "", text(), "the agent survives as a container without a second one for executors")
	ignore(t, v, "docker_registry", "https://registry-1.docker.io", text(), whyImages)
	ignore(t, v, "docker_store_dir", "", text(), whyImages).takesPath()
	ignore(t, v, "docker_volume_checkpoint_dir", "/var/run/mesos/isolators/docker/volume", text(), "volume drivers are used through the Docker engine").takesPath()
	ignore(t, v, "docker_volume_chown", "false", boolean(), "volume drivers are used through the Docker engine")
	ignore(t, v, "domain_socket_location", "", text(), "executors reach the agent over the network").takesPath()
	ignore(t, v, "enforce_container_disk_quota", "false", boolean(), "disk use of single containers is not limited")
	ignore(t, v, "executor_reregistration_retry_interval", "", anyDuration(), whyDriver)
	ignore(t, v, "frameworks_home", "", text(), "paths of executors are absolute or relative to the sandbox").takesPath()
	ignore(t, v, "gc_non_executor_container_sandboxes", "false", boolean(), "only executors have sandboxes of their own")
	ignore(t, v, "hadoop_home", "", text(), "there is no Hadoop client").takesPath()
	ignore(t, v, "hooks", "", list(), whyModules)
	ignore(t, v, "http_authenticators", "basic", list(), whyNoAuth)
	ignore(t, v, "http_credentials", "", text(), whyNoAuth).takesPath()
	ignore(t, v, "http_executor_domain_sockets", "false", boolean(), "executors reach the agent over the network")
	ignore(t, v, "image_gc_config", "", document(), whyImages).takesJSON()
	ignore(t, v, "image_providers", "", list(), whyImages)
	ignore(t, v, "image_provisioner_backend", "", text(), whyImages)
	ignore(t, v, "jwt_secret_key", "", text(), whyNoAuth).takesPath().hide()
	ignore(t, v, "launcher", "posix", text(), whyProcess+"; see --cgroups")
	ignore(t, v, "launcher_dir", "", text(), "everything is in one program").takesPath()
	ignore(t, v, "master_detector", "", text(), "masters are named by --master")
	ignore(t, v, "memory_profiling", "false", boolean(), "it belongs to another memory allocator")
	ignore(t, v, "modules", "", document(), whyModules).takesJSON()
	ignore(t, v, "modules_dir", "", text(), whyModules).takesPath()
	ignore(t, v, "oversubscribed_resources_interval", "15secs", anyDuration(), whyOversubscription)
	ignore(t, v, "qos_controller", "", text(), whyOversubscription)
	ignore(t, v, "qos_correction_interval_min", "0ns", anyDuration(), whyOversubscription)
	ignore(t, v, "resource_estimator", "", text(), whyOversubscription)
	ignore(t, v, "revocable_cpu_low_priority", "true", boolean(), whyOversubscription)
	ignore(t, v, "resource_provider_config_dir", "", text(), whyProviders).takesPath()
	ignore(t, v, "secret_resolver", "", text(), whyModules)
	ignore(t, v, "systemd_enable_support", "true", boolean(), whySystemd)
	ignore(t, v, "systemd_runtime_directory", "/run/systemd/system", text(), whySystemd).takesPath()
	ignore(t, v, "zk_session_timeout", "10secs", anyDuration(), "masters are named by --master")
}

// addInertIsolatorFlags adds the flags of isolators that do not exist here.
func addInertIsolatorFlags(t *table, v *map[string]string) {
	ignore(t, v, "cgroups_cpu_enable_pids_and_tids_count", "false", boolean(), whyProcess)
	ignore(t, v, "cgroups_net_cls_primary_handle", "", text(), whyPortMapping)
	ignore(t, v, "cgroups_net_cls_secondary_handles", "", text(), whyPortMapping)
	ignore(t, v, "check_agent_port_range_only", "false", boolean(), whyPortMapping)
	ignore(t, v, "container_ports_isolated_range", "", text(), whyPortMapping)
	ignore(t, v, "container_ports_watch_interval", "30secs", anyDuration(), whyPortMapping)
	ignore(t, v, "disallow_sharing_agent_ipc_namespace", "false", boolean(), whyProcess)
	ignore(t, v, "disallow_sharing_agent_pid_namespace", "false", boolean(), whyProcess)
	ignore(t, v, "enforce_container_ports", "false", boolean(), whyPortMapping)
	ignore(t, v, "ephemeral_ports_per_container", "1024", integer(1, math.MaxUint16), whyPortMapping)
	ignore(t, v, "eth0_name", "", text(), whyPortMapping)
	ignore(t, v, "lo_name", "", text(), whyPortMapping)
	for _, direction := range []string{"egress", "ingress"} {
		ignore(t, v, direction+"_rate_limit_per_container", "", size(0), whyPortMapping)
		ignore(t, v, direction+"_rate_per_cpu", "", text(), whyPortMapping)
		ignore(t, v, "minimum_"+direction+"_rate_limit", "", size(0), whyPortMapping)
		ignore(t, v, "maximum_"+direction+"_rate_limit", "", size(0), whyPortMapping)
		ignore(t, v, direction+"_ceil_limit", "", size(0), whyPortMapping)
		ignore(t, v, direction+"_burst", "", size(0), whyPortMapping)
	}
	ignore(t, v, "egress_unique_flow_per_container", "false", boolean(), whyPortMapping)
	ignore(t, v, "egress_flow_classifier_parent", "", text(), whyPortMapping)
	ignore(t, v, "ingress_isolate_existing_containers", "true", boolean(), whyPortMapping)
	ignore(t, v, "host_path_volume_force_creation", "", text(), whyProcess)
	ignore(t, v, "ip6", "", address(), "the agent listens on the addresses of --ip")
	ignore(t, v, "ip6_discovery_command", "", text(), "the agent listens on the addresses of --ip")
	ignore(t, v, "network_cni_config_dir", "", text(), whyNetworks).takesPath()
	ignore(t, v, "network_cni_metrics", "true", boolean(), whyNetworks)
	ignore(t, v, "network_cni_plugins_dir", "", text(), whyNetworks).takesPath()
	ignore(t, v, "network_cni_root_dir_persist", "false", boolean(), whyNetworks)
	ignore(t, v, "network_enable_rate_statistics", "false", boolean(), whyPortMapping)
	ignore(t, v, "network_enable_snmp_statistics", "false", boolean(), whyPortMapping)
	ignore(t, v, "network_enable_socket_statistics_details", "false", boolean(), whyPortMapping)
	ignore(t, v, "network_enable_socket_statistics_summary", "false", boolean(), whyPortMapping)
	ignore(t, v, "network_link_speed", "", size(0), whyPortMapping)
	ignore(t, v, "network_rate_statistics_interval", "", anyDuration(), whyPortMapping)
	ignore(t, v, "network_rate_statistics_window", "", anyDuration(), whyPortMapping)
	ignore(t, v, "nvidia_gpu_devices", "", list(), "GPUs are not detected: name them in --resources")
	ignore(t, v, "perf_duration", "10secs", anyDuration(), whyProcess)
	ignore(t, v, "perf_events", "", text(), whyProcess)
	ignore(t, v, "perf_interval", "1mins", anyDuration(), whyProcess)
	ignore(t, v, "seccomp_config_dir", "", text(), whyProcess).takesPath()
	ignore(t, v, "seccomp_profile_name", "", text(), whyProcess)
	ignore(t, v, "volume_gid_range", "", text(), "volumes keep the group of their directory")
	ignore(t, v, "xfs_kill_containers", "false", boolean(), whyXFS)
	ignore(t, v, "xfs_project_range", "[5000-10000]", text(), whyXFS)
	ignore(t, v, "xfs_quota_headroom", "10MB", size(0), whyXFS)
}
