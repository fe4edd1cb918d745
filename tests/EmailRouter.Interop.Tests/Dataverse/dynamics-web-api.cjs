// Drives the lab's Web API with the npm package dynamics-web-api. Arguments: server address, token, user id, contact id.
const assert = require("node:assert");
const { DynamicsWebApi } = require("dynamics-web-api");
const [serverUrl, token, user, contact] = process.argv.slice(2);
const api = new DynamicsWebApi({ serverUrl, dataApi: { version: "9.2" }, onTokenRefresh: () => token });

(async () => {
  const me = await api.callFunction("WhoAmI");
  assert.match(me.UserId, /^[0-9a-f-]{36}$/);

  const id = await api.create({
    collection: "emails",
    data: {
      subject: "It's from a foreign client",
      email_activity_parties: [
        { participationtypemask: 1, "partyid_systemuser@odata.bind": `/systemusers(${user})` },
        { participationtypemask: 2, "partyid_contact@odata.bind": `/contacts(${contact})` },
      ],
    },
  });
  const read = await api.retrieve({
    collection: "emails", key: id, select: ["subject", "statuscode", "_ownerid_value"], includeAnnotations: "*",
    expand: [{ property: "email_activity_parties", select: ["addressused", "participationtypemask"], orderBy: ["participationtypemask"] }],
  });
  assert.equal(read.subject, "It's from a foreign client");
  assert.equal(read.statuscode_Formatted, "Draft");
  assert.equal(read.email_activity_parties.length, 2);

  const updated = await api.update({ collection: "emails", key: id, data: { subject: "changed" }, returnRepresentation: true, select: ["subject"] });
  assert.equal(updated.subject, "changed");
  assert.equal(await api.update({ collection: "emails", key: id, data: { subject: "late" }, ifmatch: read["@odata.etag"] }), false);
  assert.equal(await api.count({ collection: "emails", filter: "subject eq 'changed'" }), 1);

  for (let i = 0; i < 5; i++) await api.create({ collection: "contacts", data: { lastname: `Page ${i}` } });
  const all = await api.retrieveAll({ collection: "contacts", select: ["lastname"], filter: "startswith(lastname,'Page ')", orderBy: ["lastname"] });
  assert.deepEqual(all.value.map((c) => c.lastname), ["Page 0", "Page 1", "Page 2", "Page 3", "Page 4"]);
  let page = await api.retrieveMultiple({ collection: "contacts", select: ["lastname"], filter: "startswith(lastname,'Page ')", maxPageSize: 2, count: true });
  assert.equal(page.oDataCount, 5);
  let seen = 0;
  for (;;) {
    seen += page.value.length;
    if (!page.oDataNextLink) break;
    page = await api.retrieveMultiple({ collection: "contacts", select: ["lastname"], maxPageSize: 2 }, page.oDataNextLink);
  }
  assert.equal(seen, 5);

  const fetchXml = '<fetch count="2"><entity name="contact"><attribute name="lastname"/><attribute name="ownerid"/><order attribute="lastname"/>' +
    '<filter><condition attribute="lastname" operator="begins-with" value="Page"/></filter>' +
    '<link-entity name="systemuser" from="systemuserid" to="ownerid" alias="o"><attribute name="fullname"/></link-entity></entity></fetch>';
  const first = await api.fetch({ collection: "contacts", fetchXml, includeAnnotations: "*" });
  assert.deepEqual(first.value.map((c) => [c.lastname, c["o.fullname"], c._ownerid_value_Formatted]),
    [["Page 0", "Email Router", "Email Router"], ["Page 1", "Email Router", "Email Router"]]);
  assert.equal(first.PagingInfo.nextPage, 2);
  assert.match(first.PagingInfo.cookie, /contactid/);
  const fetched = await api.fetchAll({ collection: "contacts", fetchXml });
  assert.deepEqual(fetched.value.map((c) => c.lastname), ["Page 0", "Page 1", "Page 2", "Page 3", "Page 4"]);
  const counted = await api.fetch({
    collection: "contacts",
    fetchXml: '<fetch aggregate="true"><entity name="contact"><attribute name="contactid" aggregate="count" alias="members"/></entity></fetch>',
  });
  assert.ok(counted.value[0].members >= 6);

  const groups = await api.retrieveMultiple({
    collection: "contacts", includeAnnotations: "*",
    apply: "filter(startswith(lastname,'Page '))/groupby((statecode),aggregate($count as members,lastname with countdistinct as names))",
  });
  assert.deepEqual(groups.value.map((g) => [g.statecode, g.statecode_Formatted, g.members, g.names]), [[0, "Active", 5, 5]]);

  api.startBatch();
  api.create({ collection: "contacts", data: { lastname: "Batch one" }, contentId: "1" });
  api.update({ collection: "contacts", key: contact, data: { jobtitle: "Buyer" } });
  const results = await api.executeBatch();
  assert.equal(results.length, 2);
  assert.equal((await api.retrieve({ collection: "contacts", key: contact, select: ["jobtitle"] })).jobtitle, "Buyer");

  api.startBatch();
  api.create({ collection: "contacts", data: { lastname: "Never" } });
  api.create({ collection: "contacts", data: { nosuch: 1 } });
  await assert.rejects(api.executeBatch());
  assert.equal(await api.count({ collection: "contacts", filter: "lastname eq 'Never'" }), 0);

  const sent = await api.callAction({ actionName: "Microsoft.Dynamics.CRM.SendEmail", collection: "emails", key: id, action: { IssueSend: true, TrackingToken: "" } });
  assert.match(sent.Subject, /^changed CRM:/);
  const check = await api.callFunction({
    functionName: "CheckIncomingEmail",
    parameters: { MessageId: "<1@customer.test>", Subject: "it''s", From: "carla@customer.test", To: "support@example.test", Cc: "", Bcc: "" },
  });
  assert.equal(check.ShouldDeliver, true);

  await api.associateSingleValued({ collection: "contacts", primaryKey: contact, navigationProperty: "ownerid", relatedCollection: "systemusers", relatedKey: user });
  const entity = await api.retrieveEntity({ key: "LogicalName='contact'", select: ["EntitySetName", "LogicalName"] });
  assert.equal(entity.EntitySetName, "contacts");

  await assert.rejects(api.retrieve({ collection: "emails", key: "00000000-0000-0000-0000-000000000001" }), (e) => e.status === 404 && e.code === "0x80040217");
  assert.equal(await api.deleteRecord({ collection: "emails", key: id }), true);
  console.log("all is well");
})().catch((e) => { console.error(e); process.exit(1); });
