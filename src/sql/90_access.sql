/* src/sql/90_access.sql: who may do what with hoopguard's own objects */

-- The three duties are plain grants, so that \dp shows them and REVOKE takes
-- them back.  What the extension does not (yet) have is passed over.
CREATE FUNCTION hoopguard._grant(role text, functions text[], tables text[],
	privileges text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	object	regprocedure;
	rel		regclass;
BEGIN
	IF EXISTS (SELECT FROM hoopguard.subject s
		WHERE hoopguard._role_covers(s.role, hoopguard._role_oid(_grant.role)))
	THEN
		RAISE EXCEPTION 'role "%" is governed', role
			USING ERRCODE = 'HG014',
				HINT = 'A mapped role cannot keep or decide policy.';
	END IF;
	FOR object IN
		SELECT p.oid FROM pg_proc p
		WHERE p.pronamespace = 'hoopguard'::regnamespace
			AND p.proname = ANY (functions)
	LOOP
		EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', object, role);
	END LOOP;
	FOR rel IN
		SELECT c.oid FROM pg_class c
		WHERE c.relnamespace = 'hoopguard'::regnamespace
			AND c.relname = ANY (tables) AND c.relkind IN ('r', 'p', 'v')
	LOOP
		EXECUTE format('GRANT %s ON TABLE %s TO %I', privileges, rel, role);
	END LOOP;
END $$;
REVOKE ALL ON FUNCTION hoopguard._grant(text, text[], text[], text) FROM PUBLIC;

CREATE FUNCTION hoopguard.grant_auditor(role text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM hoopguard._assert_ungoverned();
	PERFORM hoopguard._grant(role,
		'{flush, status, _record_status, _storage_status, _courier_status, _outbox_status,
		_identity_status, _limits_status, _exemption_status, _dead_rules, touched, upstream,
		downstream, lineage_graph, openlineage, report_html, verify_audit,
		replay, export_seal, _flushed_seal, _sensitive, _column_relation, _column_name, _lineage_name, _lineage_text, _effective_edges,
		_openlineage_namespace, _openlineage_run, _openlineage_facet,
		_html, _report_number, _report_time, _report_data, _report_chart,
		_report_graph, _report_table}',
		'{sensitive_column, inherited_class, session, statement, event, outcome, rolled_back, note, login, seal, outbox_dead_letter, lineage_edge,
		lineage_dataset, literal, activity, lineage, approval, approval_vote, approval_target,
		approval_log, exemption, policy_version, policy_change, policy_history, subject,
		_latest_event}',
		'SELECT');
END $$;
COMMENT ON FUNCTION hoopguard.grant_auditor(text) IS
'let a role read what was recorded';
REVOKE ALL ON FUNCTION hoopguard.grant_auditor(text) FROM PUBLIC;

CREATE FUNCTION hoopguard.grant_approver(role text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM hoopguard._assert_ungoverned();
	PERFORM hoopguard._grant(role,
		'{approve, deny, revoke, submit_decision, approver_of_all}',
		'{pending_approval, approval, approval_vote, approval_target,
		approval_log}', 'SELECT');
END $$;
COMMENT ON FUNCTION hoopguard.grant_approver(text) IS
'let a role decide every request for approval';
REVOKE ALL ON FUNCTION hoopguard.grant_approver(text) FROM PUBLIC;

-- Functions run with the rights of who calls them, so an administrator needs
-- what they touch.  Approvers' URLs, keys and the lists of trusted functions
-- stay with superusers.
CREATE FUNCTION hoopguard.grant_admin(role text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM hoopguard._assert_ungoverned();
	PERFORM hoopguard._grant(role,
		'{map_role, unmap_role, freeze, unfreeze, add_class, add_mask,
		drop_mask, rotate_key, _check_mask_args, add_rule, drop_rule,
		set_rule, set_limit, drop_limit,
		baseline, classify_name, detect, detect_spans, effective_mask, effective_policy, status,
		flush, _assert_ungoverned, _check_subject, _check_rule, _wrong_approvers, _approver_list, _check_mode, _dead_rules,
		add_pattern, drop_pattern, scan, accept_finding, reject_finding,
		explain_class, _check_pattern, _scan_relation, _decide_finding,
		_name_evidence,
		_no_rule, _role_oid, _role_covers, _mapped_oid, _mapped_in,
		_label_role, _privileges_of, _policy_ids, _record_status, _storage_status,
		_courier_status, _outbox_status,
		_identity_status, _limits_status, _exemption_status, exempt, drop_exemption, learn, allow_learned, forget_learned, _subject_oid,
		export_policy, apply_policy, _apply_policy, _qualified, _policy_section,
		_policy_kept, _drop_nulls, _column, _column_relation, _column_name,
		_sensitive, add_function_group, drop_function_group, function_group}',
		'{subject, class, default_mask, mask_rule, _mask_rule, inherited_class,
		pattern, finding, _finding, accepted_finding, scan_progress, _scanned, _scan_round,
		rule, limit_rule, _exemption,
		function_class,
		allow_list, allowed_statement}',
		'SELECT, INSERT, UPDATE, DELETE');
	PERFORM hoopguard._grant(role, '{}', '{learned, policy_change, policy_history,
		sensitive_column, exemption}',
		'SELECT');
	PERFORM hoopguard._grant(role, '{}', '{policy_version, sink,
		outbox_dead_letter}', 'SELECT');
	PERFORM hoopguard._grant(role, '{}', '{approver}', 'SELECT (name)');
END $$;
COMMENT ON FUNCTION hoopguard.grant_admin(text) IS
'let a role keep policy: mappings, masks, rules, limits and labels of what it owns';
REVOKE ALL ON FUNCTION hoopguard.grant_admin(text) FROM PUBLIC;
