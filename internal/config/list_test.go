package config

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func tables() map[string]*table {
	return map[string]*table{"master": new(Master).table(), "agent": new(Agent).table()}
}

func TestEveryFlagIsNamedOnceExplainedAndHasAUsableDefault(t *testing.T) {
	t.Parallel()
	for service, tab := range tables() {
		seen := make(map[string]bool)
		for _, f := range tab.flags {
			for _, name := range append([]string{f.name}, f.aliases...) {
				if seen[name] {
					t.Errorf("%s: --%s is declared twice", service, name)
				}
				seen[name] = true
			}
			if (f.help == "") == (f.inert == "") {
				t.Errorf("%s: --%s needs either a meaning or a reason for having no effect", service, f.name)
			}
			f.reset()
			before, ok := f.format()
			if !ok || before == "" {
				continue
			}
			if err := f.parse(before); err != nil {
				t.Errorf("%s: the default of --%s, %q, cannot be given: %v", service, f.name, before, err)
			}
			if after, _ := f.format(); after != before {
				t.Errorf("%s: the default of --%s changes from %q to %q when given", service, f.name, before, after)
			}
		}
	}
}

func TestAllFlagsOfMesosAreKnown(t *testing.T) {
	t.Parallel()
	for service, names := range mesosFlags {
		tab := tables()[service]
		for name := range strings.FieldsSeq(names) {
			if tab.find(name) == nil {
				t.Errorf("%s: --%s is a flag of Mesos and unknown here", service, name)
			}
		}
	}
}

// mesosFlags are the names in Mesos 1.12, older names included.
var mesosFlags = map[string]string{
	"master": `acls advertise_ip advertise_port agent_ping_timeout slave_ping_timeout agent_removal_rate_limit
		slave_removal_rate_limit agent_reregister_timeout slave_reregister_timeout allocation_interval allocator
		allocator_agent_recovery_factor allocator_recovery_timeout authenticate_agents authenticate_slaves
		authenticate_frameworks authenticate authenticate_http_frameworks authenticate_http_readonly
		authenticate_http_readwrite authenticate_http authentication_v0_timeout authenticators authorizers cluster
		credentials domain fair_sharing_excluded_resource_names filter_gpu_resources firewall_rules framework_sorter
		hooks modules modules_dir hostname hostname_lookup http_authenticators http_framework_authenticators
		initialize_driver_logging log_dir logbufsecs logging_level quiet external_log_file ip port
		ip_discovery_command log_auto_initialize master_contender master_detector max_agent_ping_timeouts
		max_slave_ping_timeouts max_completed_frameworks max_completed_tasks_per_framework max_executors_per_agent
		max_executors_per_slave max_operator_event_stream_subscribers max_unreachable_tasks_per_framework
		memory_profiling min_allocatable_resources offer_constraints_re2_max_mem offer_constraints_re2_max_program_size
		offer_timeout publish_per_framework_metrics quorum rate_limits recovery_agent_removal_limit
		recovery_slave_removal_limit registry registry_fetch_timeout registry_store_timeout registry_gc_interval
		registry_max_agent_age registry_max_agent_count registry_strict require_agent_domain role_sorter user_sorter
		roles root_submissions version webui_dir weights whitelist work_dir zk zk_session_timeout help`,
	"agent": `acls authorizer advertise_ip advertise_port ip port hostname hostname_lookup agent_features
		allowed_devices bounding_capabilities effective_capabilities attributes authenticate_http_executors
		authenticate_http_readonly authenticate_http_readwrite authenticatee credential http_authenticators
		http_credentials jwt_secret_key authentication_backoff_factor authentication_timeout_min
		authentication_timeout_max cgroups_hierarchy cgroups_root cgroups_enable_cfs cgroups_limit_swap
		cgroups_destroy_timeout container_disk_watch_interval enforce_container_disk_quota container_logger
		containerizers default_container_dns default_container_info default_container_shm_size default_role
		disk_watch_interval gc_delay gc_disk_headroom gc_non_executor_container_sandboxes docker docker_socket
		docker_config docker_mesos_image docker_kill_orphans docker_remove_delay docker_stop_timeout docker_registry
		docker_store_dir docker_volume_checkpoint_dir docker_ignore_runtime domain domain_socket_location
		http_executor_domain_sockets executor_environment_variables executor_registration_timeout
		executor_reregistration_timeout executor_reregistration_retry_interval executor_shutdown_grace_period
		fetcher_cache_dir fetcher_cache_size fetcher_stall_timeout hadoop_home frameworks_home http_command_executor
		http_heartbeat_interval image_providers image_provisioner_backend image_gc_config isolation launcher
		launcher_dir master master_detector max_completed_executors_per_framework network_cni_config_dir
		network_cni_plugins_dir network_cni_root_dir_persist nvidia_gpu_devices oversubscribed_resources_interval
		resource_estimator qos_controller qos_correction_interval_min perf_events perf_interval perf_duration
		reconfiguration_policy recover recovery_timeout strict registration_backoff_factor
		resource_provider_config_dir csi_plugin_config_dir disk_profile_adaptor resources revocable_cpu_low_priority
		runtime_dir sandbox_directory seccomp_config_dir seccomp_profile_name secret_resolver switch_user
		systemd_enable_support volume_gid_range work_dir xfs_project_range xfs_kill_containers xfs_quota_headroom
		zk_session_timeout firewall_rules hooks modules modules_dir memory_profiling ip_discovery_command version
		agent_subsystems appc_simple_discovery_uri_prefix appc_store_dir cgroups_cpu_enable_pids_and_tids_count
		cgroups_net_cls_primary_handle cgroups_net_cls_secondary_handles check_agent_port_range_only
		container_ports_isolated_range container_ports_watch_interval enforce_container_ports
		disallow_sharing_agent_ipc_namespace disallow_sharing_agent_pid_namespace docker_volume_chown
		host_path_volume_force_creation ip6 ip6_discovery_command eth0_name lo_name ephemeral_ports_per_container
		egress_rate_limit_per_container egress_rate_per_cpu minimum_egress_rate_limit maximum_egress_rate_limit
		egress_ceil_limit egress_burst egress_unique_flow_per_container egress_flow_classifier_parent
		ingress_rate_limit_per_container ingress_rate_per_cpu minimum_ingress_rate_limit maximum_ingress_rate_limit
		ingress_ceil_limit ingress_burst ingress_isolate_existing_containers network_link_speed
		network_enable_socket_statistics_summary network_enable_socket_statistics_details
		network_enable_snmp_statistics network_enable_rate_statistics network_rate_statistics_window
		network_rate_statistics_interval network_cni_metrics systemd_runtime_directory logging_level log_dir quiet
		logbufsecs initialize_driver_logging external_log_file help`,
}

func TestValuesReadAsMesosPrintsThem(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"agent_ping_timeout": "15secs", "agent_reregister_timeout": "10mins", "allocation_interval": "100ms",
		"allocator": "hierarchical", "allocator_agent_recovery_factor": "0.8", "authenticate_agents": "false",
		"authentication_v0_timeout": "15secs", "cluster": "east", "filter_gpu_resources": "true", "ip": "127.0.0.1",
		"min_allocatable_resources": "cpus:0.01|mem:32", "offer_constraints_re2_max_mem": "4KB",
		"offer_timeout": "30mins", "port": "5050", "recovery_agent_removal_limit": "100%", "registry": "in_memory",
		"registry_max_agent_age": "2weeks", "registry_max_agent_count": "102400", "version": "false",
		"zk_session_timeout": "10secs", "root_submissions": "true", "weights": "a=1.5,b=2", "agent_removal_rate_limit": "1/10mins",
	}
	m := master(t, "--cluster=east", "--offer_timeout=30mins", "--ip=127.0.0.1", "--allocation_interval=0.1secs",
		"--weights=b=2,a=1.5", "--agent_removal_rate_limit=1/600secs")
	got := make(map[string]string)
	var names []string
	for _, f := range m.Values() {
		names = append(names, f.Name)
		if _, wanted := want[f.Name]; wanted {
			got[f.Name] = f.Value
		}
		if explicit := slices.Contains([]string{"registry", "cluster", "offer_timeout", "ip", "allocation_interval", "weights", "agent_removal_rate_limit"}, f.Name); f.Set != explicit {
			t.Errorf("%s: Set is %v, want %v", f.Name, f.Set, explicit)
		}
		if f.Name == "zk" || f.Name == "hostname" {
			t.Errorf("%s has no value and is listed with %q", f.Name, f.Value)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("values differ (-want +got):\n%s", diff)
	}
	if !slices.IsSorted(names) {
		t.Errorf("values are not ordered: %q", names)
	}
}

func TestValuesBelongToTheCopyTheyAreAskedOf(t *testing.T) {
	t.Parallel()
	m := master(t)
	c := *m
	c.Cluster = "copy"
	for _, f := range m.Values() {
		if f.Name == "cluster" {
			t.Errorf("the original lists the copy's cluster %q", f.Value)
		}
	}
}

func TestSecretsAreShownNowhere(t *testing.T) {
	t.Parallel()
	m, err := LoadMaster(Source{Args: []string{"--registry=postgres://me:hunter2@db/x?sslpassword=hunter2"}})
	if err != nil {
		t.Fatal(err)
	}
	a := agent(t, `--docker_config={"auths":{"r":{"auth":"hunter2"}}}`, "--jwt_secret_key=/hunter2")
	asJSON, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{
		"master values": fmt.Sprint(m.Values()), "master log": m.LogValue().String(), "master struct": fmt.Sprintf("%v %+v %#v", m, m, m),
		"master JSON": string(asJSON), "agent values": fmt.Sprint(a.Values()), "agent log": a.LogValue().String(),
	} {
		if strings.Contains(text, "hunter2") {
			t.Errorf("%s shows a secret: %s", what, text)
		}
	}
	if got := m.Registry.DSN.Reveal(); !strings.Contains(got, "hunter2") {
		t.Errorf("the DSN has lost its password: %q", got)
	}
	for _, args := range [][]string{{"--registry=postgres://me:hunter2@db:port/x"}, {"--registry=mysql://me:hunter2@db"}} {
		if _, err := LoadMaster(Source{Args: args}); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: the error is missing or shows a secret: %v", args, err)
		}
	}
	if _, err := LoadAgent(Source{Args: []string{"--docker_config=hunter2"}}); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the error is missing or shows a secret: %v", err)
	}
}

func TestFlagsWithoutEffectAreNoticedOnlyWhenGiven(t *testing.T) {
	t.Parallel()
	if got := master(t).Notices(); got != nil {
		t.Errorf("notices without such a flag: %v", got)
	}
	got := master(t, "--zk=zk://a/mesos", "--quorum=2").Notices()
	want := []Notice{{"quorum", whyElection}, {"zk", whyElection}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("notices differ (-want +got):\n%s", diff)
	}
}

func TestHelpNamesEveryFlagWithinTheWidth(t *testing.T) {
	t.Parallel()
	for service, tab := range tables() {
		var b strings.Builder
		if err := tab.help(&b); err != nil {
			t.Fatal(err)
		}
		for _, f := range tab.flags {
			if !strings.Contains(b.String(), f.name) {
				t.Errorf("%s: the help does not mention --%s", service, f.name)
			}
		}
		for line := range strings.Lines(b.String()) {
			if len(line) > helpWidth+1 && strings.Contains(strings.TrimSpace(line), " ") {
				t.Errorf("%s: the line %q is too long", service, line)
			}
		}
	}
}
