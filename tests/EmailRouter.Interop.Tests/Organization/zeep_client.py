"""What the zeep package does with the lab's Organization.svc, knowing it by its WSDL alone. Usage: zeep_client.py WSDL TOKEN|USER:PASSWORD PART [IDS...]"""
import base64
import datetime
import sys

import requests
from zeep import Client, Settings, Transport, xsd
from zeep.exceptions import Fault

DATA = "http://schemas.microsoft.com/xrm/2011/Contracts"
ARRAYS = "http://schemas.microsoft.com/2003/10/Serialization/Arrays"
PAIRS = "http://schemas.datacontract.org/2004/07/System.Collections.Generic"
GUID = "http://schemas.microsoft.com/2003/10/Serialization/"


class Service:
    def __init__(self, wsdl, login):
        session = requests.Session()
        if ":" in login:
            session.auth = tuple(login.split(":", 1))
        else:
            session.headers["Authorization"] = "Bearer " + login
        # Strict: an element out of place, or one the schema does not know, is an error.
        self.client = Client(wsdl, transport=Transport(session=session, timeout=60), settings=Settings(strict=True, xml_huge_tree=True))
        self.call = self.client.service

    def type(self, name, space=DATA):
        return self.client.get_type("{%s}%s" % (space, name))

    def make(self, name, *positional, **values):
        return self.type(name)(*positional, **values)

    def any(self, name, *positional, space=DATA, **values):
        made = self.type(name, space)
        return xsd.AnyObject(made, made(*positional, **values))

    def text(self, value):
        return xsd.AnyObject(xsd.String(), value)

    def flag(self, value):
        return xsd.AnyObject(xsd.Boolean(), value)

    def number(self, value):
        return xsd.AnyObject(xsd.Int(), value)

    def time(self, value):
        return xsd.AnyObject(xsd.DateTime(), value)

    def guid(self, value):
        return xsd.AnyObject(self.type("guid", GUID), value)

    def option(self, value):
        return self.any("OptionSetValue", Value=value)

    def reference(self, table, row):
        return self.any("EntityReference", Id=row, LogicalName=table)

    def pairs(self, values):
        pair = self.client.get_type("{%s}KeyValuePairOfstringanyType" % PAIRS)
        return [pair(key=k, value=v) for k, v in values.items()]

    def entity(self, table, row=None, **values):
        return self.make(
            "Entity",
            Attributes=self.make("AttributeCollection", self.pairs(values)),
            Id=row or "00000000-0000-0000-0000-000000000000",
            LogicalName=table,
        )

    def entities(self, table, *rows):
        return self.any("EntityCollection", Entities=self.make("ArrayOfEntity", list(rows)), EntityName=table, MoreRecords=False)

    def columns(self, *names):
        if not names:
            return self.make("ColumnSet", AllColumns=True)
        return self.make("ColumnSet", AllColumns=False, Columns=self.type("ArrayOfstring", ARRAYS)(list(names)))

    def execute(self, message, **values):
        request = self.make("OrganizationRequest", Parameters=self.make("ParameterCollection", self.pairs(values)), RequestName=message)
        response = self.call.Execute(request)
        assert response.ResponseName == message, response
        return values_of(response.Results)

    def fetch(self, text):
        return self.call.RetrieveMultiple(self.make("FetchExpression", Query=text))

    def fault(self, action):
        try:
            action()
        except Fault as fault:
            (detail,) = fault.detail
            read = self.client.get_element("{%s}OrganizationServiceFault" % DATA).parse(detail, self.client.wsdl.types)
            assert read.Message == fault.message and read.Timestamp is not None, read
            return read.ErrorCode & 0xFFFFFFFF
        raise AssertionError("It was not refused.")


def values_of(collection):
    return {p.key: p.value for p in collection.KeyValuePairOfstringanyType} if collection else {}


def attributes(entity):
    return values_of(entity.Attributes)


def labels(entity):
    return {p.key: p.value for p in entity.FormattedValues.KeyValuePairOfstringstring}


def rows(service, anna, account, contact):
    made = service.call.Create(
        service.entity(
            "contact",
            lastname=service.text("Zeep & <Söhne>"),
            emailaddress1=service.text("zeep@customer.test"),
            donotemail=service.flag(True),
            ownerid=service.reference("systemuser", anna),
        )
    )
    read = service.call.Retrieve("contact", made, service.columns("lastname", "donotemail", "ownerid", "statecode", "createdon"))
    values = attributes(read)
    assert read.Id == made and read.LogicalName == "contact", read
    assert values["lastname"] == "Zeep & <Söhne>" and values["donotemail"] is True, values
    assert (values["ownerid"].Id, values["ownerid"].LogicalName, values["ownerid"].Name) == (anna, "systemuser", "Anna Example"), values
    assert values["statecode"].Value == 0 and labels(read)["statecode"] == "Active", read
    assert isinstance(values["createdon"], datetime.datetime), values
    assert "emailaddress1" not in values
    service.call.Update(service.entity("contact", made, emailaddress1=service.text("new@customer.test"), donotemail=service.flag(False)))
    values = attributes(service.call.Retrieve("contact", made, service.columns()))
    assert values["emailaddress1"] == "new@customer.test" and values["donotemail"] is False and values["contactid"] == made, values
    service.call.Delete("contact", made)
    assert service.fault(lambda: service.call.Retrieve("contact", made, service.columns())) == 0x80040217
    assert service.fault(lambda: service.call.Create(service.entity("nothing"))) == 0x80041102
    assert service.fault(lambda: service.call.Create(service.entity("contact", nothing=service.text("x")))) == 0x80041103
    draft = service.call.Create(
        service.entity(
            "email",
            subject=service.text("Quote"),
            directioncode=service.flag(True),
            to=service.entities(
                "activityparty",
                service.entity("activityparty", partyid=service.reference("contact", contact)),
                service.entity("activityparty", addressused=service.text("by@hand.test")),
            ),
        )
    )
    service.call.Associate(
        "account",
        account,
        service.make("Relationship", SchemaName="Account_Emails"),
        service.make("EntityReferenceCollection", [service.make("EntityReference", Id=draft, LogicalName="email")]),
    )
    values = attributes(service.call.Retrieve("email", draft, service.columns("subject", "regardingobjectid", "to")))
    assert values["regardingobjectid"].Id == account, values
    parties = [attributes(e) for e in values["to"].Entities.Entity]
    assert [p["addressused"] for p in parties if "partyid" not in p] == ["by@hand.test"], parties
    assert [p["partyid"].LogicalName for p in parties if "partyid" in p] == ["contact"], parties
    service.call.Disassociate(
        "account",
        account,
        service.make("Relationship", SchemaName="Account_Emails"),
        service.make("EntityReferenceCollection", [service.make("EntityReference", Id=draft, LogicalName="email")]),
    )
    assert "regardingobjectid" not in attributes(service.call.Retrieve("email", draft, service.columns("regardingobjectid")))


def queries(service, anna, account, contact):
    for i in range(7):
        service.call.Create(
            service.entity(
                "contact",
                lastname=service.text("Paged %d" % i),
                emailaddress1=service.text("p%d@customer.test" % i),
                parentcustomerid=service.reference("account", account),
            )
        )
    names, cookie, page = [], None, 1
    while True:
        paging = (
            ""
            if cookie is None
            else ' paging-cookie="%s"' % cookie.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
        )
        found = service.fetch(
            '<fetch count="3" page="%d"%s returntotalrecordcount="true"><entity name="contact"><attribute name="lastname"/>'
            '<order attribute="lastname" descending="true"/>'
            '<filter><condition attribute="lastname" operator="like" value="Paged%%"/></filter>'
            '<link-entity name="account" from="accountid" to="parentcustomerid" alias="a"><attribute name="name"/></link-entity></entity></fetch>'
            % (page, paging)
        )
        names += [attributes(e)["lastname"] for e in found.Entities.Entity]
        assert found.EntityName == "contact" and found.TotalRecordCount == 7, found
        aliased = attributes(found.Entities.Entity[0])["a.name"]
        assert (aliased.AttributeLogicalName, aliased.EntityLogicalName, aliased.Value) == ("name", "account", "Customer's & Co"), aliased
        if not found.MoreRecords:
            break
        cookie, page = found.PagingCookie, page + 1
    assert page == 3 and names == ["Paged %d" % i for i in range(6, -1, -1)], names
    counted = service.fetch(
        '<fetch aggregate="true"><entity name="contact"><attribute name="contactid" aggregate="count" alias="n"/>'
        '<filter><condition attribute="lastname" operator="begins-with" value="Paged"/></filter></entity></fetch>'
    )
    assert attributes(counted.Entities.Entity[0])["n"].Value == 7, counted

    def condition(column, operator, *values):
        return service.make(
            "ConditionExpression", AttributeName=column, Operator=operator, Values=service.type("ArrayOfanyType", ARRAYS)(list(values))
        )

    expression = service.make(
        "QueryExpression",
        ColumnSet=service.columns("lastname"),
        Criteria=service.make(
            "FilterExpression",
            Conditions=service.make(
                "ArrayOfConditionExpression",
                [
                    condition("lastname", "In", service.text("Paged 2"), service.text("Paged 4"), service.text("Nobody")),
                    condition("statecode", "Equal", service.number(0)),
                ],
            ),
            FilterOperator="And",
        ),
        Distinct=False,
        EntityName="contact",
        LinkEntities=service.make(
            "ArrayOfLinkEntity",
            [
                service.make(
                    "LinkEntity",
                    Columns=service.columns("name"),
                    EntityAlias="x",
                    JoinOperator="Inner",
                    LinkFromAttributeName="parentcustomerid",
                    LinkFromEntityName="contact",
                    LinkToAttributeName="accountid",
                    LinkToEntityName="account",
                )
            ],
        ),
        Orders=service.make("ArrayOfOrderExpression", [service.make("OrderExpression", AttributeName="lastname", OrderType="Descending")]),
        PageInfo=service.make("PagingInfo", Count=1, PageNumber=1, ReturnTotalRecordCount=False),
    )
    found = service.call.RetrieveMultiple(expression)
    assert [attributes(e)["lastname"] for e in found.Entities.Entity] == ["Paged 4"] and found.MoreRecords and found.TotalRecordCount == -1, found
    by = service.call.RetrieveMultiple(
        service.make(
            "QueryByAttribute",
            Attributes=service.type("ArrayOfstring", ARRAYS)(["emailaddress1"]),
            ColumnSet=service.columns("lastname"),
            EntityName="contact",
            Values=service.type("ArrayOfanyType", ARRAYS)([service.text("P3@customer.test")]),
        )
    )
    assert [attributes(e)["lastname"] for e in by.Entities.Entity] == ["Paged 3"], by
    assert service.fault(lambda: service.fetch("<fetch><entity")) == 0x80040201
    assert service.fault(lambda: service.fetch('<fetch><entity name="contact"><attribute name="nothing"/></entity></fetch>')) == 0x80041103


def messages(service, user, anna, support):
    who = service.execute("WhoAmI")
    assert who["UserId"] == user and len(who["OrganizationId"]) == 36, who
    assert service.execute("RetrieveVersion")["Version"].count(".") == 3
    queues = service.execute("RetrieveUserQueues", UserId=service.guid(anna), IncludePublic=service.flag(False))["EntityCollection"]
    assert [e.Id for e in queues.Entities.Entity] == [support], queues
    privileges = service.execute("RetrieveUserPrivileges", UserId=service.guid(user))["RolePrivileges"].RolePrivilege
    names = service.fetch('<fetch><entity name="privilege"><attribute name="name"/></entity></fetch>')
    by_id = {e.Id: attributes(e)["name"] for e in names.Entities.Entity}
    assert "prvReadActivity" in [by_id[p.PrivilegeId] for p in privileges], privileges
    assert {p.Depth for p in privileges} == {"Global"}
    definition = service.execute(
        "RetrieveEntity",
        LogicalName=service.text("contact"),
        EntityFilters=xsd.AnyObject(service.type("EntityFilters", "http://schemas.microsoft.com/xrm/2011/Metadata"), ["Entity", "Attributes"]),
        MetadataId=service.guid("00000000-0000-0000-0000-000000000000"),
        RetrieveAsIfPublished=service.flag(False),
    )["EntityMetadata"]
    formats = {a.LogicalName: getattr(a, "Format", None) for a in definition.Attributes.AttributeMetadata}
    assert definition.PrimaryIdAttribute == "contactid" and formats["emailaddress1"] == "Email" and formats["lastname"] == "Text", formats
    query = "http://schemas.microsoft.com/xrm/2011/Metadata/Query"

    def part(name, *positional, **values):
        return service.type(name, query)(*positional, **values)

    def asked(*names):
        return part("MetadataPropertiesExpression", AllProperties=False, PropertyNames=service.type("ArrayOfstring", ARRAYS)(list(names)))

    conditions = part(
        "ArrayOfMetadataConditionExpression",
        [part("MetadataConditionExpression", ConditionOperator="Equals", PropertyName="IsActivityParty", Value=service.flag(True))],
    )
    wanted = part(
        "EntityQueryExpression",
        Criteria=part("MetadataFilterExpression", Conditions=conditions, FilterOperator="And"),
        Properties=asked("LogicalName", "PrimaryIdAttribute", "Attributes"),
        AttributeQuery=part("AttributeQueryExpression", Properties=asked("LogicalName", "Format")),
    )
    found = service.execute("RetrieveMetadataChanges", Query=xsd.AnyObject(service.type("EntityQueryExpression", query), wanted))[
        "EntityMetadata"
    ].EntityMetadata
    tables = {t.LogicalName: [a.LogicalName for a in t.Attributes.AttributeMetadata if getattr(a, "Format", None) == "Email"] for t in found}
    assert tables["contact"] == ["emailaddress1", "emailaddress2", "emailaddress3"] and "email" not in tables, tables
    assert all(t.PrimaryNameAttribute is None and t.IsActivityParty is None for t in found)
    several = service.any(
        "OrganizationRequestCollection",
        [
            service.make("OrganizationRequest", Parameters=service.make("ParameterCollection", []), RequestName="WhoAmI"),
            service.make("OrganizationRequest", Parameters=service.make("ParameterCollection", []), RequestName="Nonsense"),
        ],
        space="http://schemas.microsoft.com/xrm/2012/Contracts",
    )
    settings = service.any(
        "ExecuteMultipleSettings", ContinueOnError=True, ReturnResponses=True, space="http://schemas.microsoft.com/xrm/2012/Contracts"
    )
    answer = service.execute("ExecuteMultiple", Requests=several, Settings=settings)
    first, second = answer["Responses"].ExecuteMultipleResponseItem
    assert answer["IsFaulted"] is True and values_of(first.Response.Results)["UserId"] == user and first.Fault.ErrorCode is None, answer
    assert second.RequestIndex == 1 and second.Fault.ErrorCode != 0 and second.Response.ResponseName is None, second


def email(service, anna, support):
    given = dict(
        MessageId=service.text("<zeep@customer.test>"),
        Subject=service.text("Anfrage Größe"),
        From=service.text("carla@customer.test"),
        To=service.text("anna@example.test;support@example.test"),
        Cc=service.text(""),
        Bcc=service.text(""),
    )
    check = service.execute("CheckIncomingEmail", **given)
    assert check["ShouldDeliver"] is True and check["ReasonCode"] >= 1, check
    files = service.entities(
        "activitymimeattachment",
        service.entity(
            "activitymimeattachment",
            filename=service.text("a.bin"),
            mimetype=service.text("application/octet-stream"),
            body=service.text(base64.b64encode(bytes(range(256))).decode()),
        ),
    )
    delivered = service.execute(
        "DeliverIncomingEmail",
        **given,
        ReceivedOn=service.time(datetime.datetime(2026, 1, 31, 8, 5, tzinfo=datetime.timezone.utc)),
        SubmittedBy=service.text("carla@customer.test"),
        Importance=service.text("high"),
        Body=service.text("<p>Grüße</p>"),
        Attachments=files,
        ValidateBeforeCreate=service.flag(True)
    )["EmailId"]
    values = attributes(
        service.call.Retrieve("email", delivered, service.columns("subject", "statuscode", "directioncode", "prioritycode", "from", "to"))
    )
    assert (
        values["subject"] == "Anfrage Größe"
        and values["statuscode"].Value == 4
        and values["directioncode"] is False
        and values["prioritycode"].Value == 2
    ), values
    assert [attributes(p)["partyid"].LogicalName for p in values["from"].Entities.Entity] == ["contact"], values
    attached = service.fetch(
        '<fetch><entity name="activitymimeattachment"><attribute name="body"/><attribute name="filename"/>'
        '<filter><condition attribute="objectid" operator="eq" value="%s"/></filter></entity></fetch>' % delivered
    )
    assert base64.b64decode(attributes(attached.Entities.Entity[0])["body"]) == bytes(range(256)), attached
    again = service.execute("CheckIncomingEmail", **given)
    assert again["ShouldDeliver"] is False and again["ReasonCode"] == 0, again
    assert (
        service.execute("CheckPromoteEmail", MessageId=given["MessageId"], Subject=given["Subject"], DirectionCode=service.number(0))["ShouldPromote"]
        is False
    )

    draft = service.call.Create(
        service.entity(
            "email",
            subject=service.text("Out"),
            directioncode=service.flag(True),
            to=service.entities("activityparty", service.entity("activityparty", addressused=service.text("x@customer.test"))),
            **{"from": service.entities("activityparty", service.entity("activityparty", partyid=service.reference("systemuser", anna)))}
        )
    )
    assert service.execute("SendEmail", EmailId=service.guid(draft), IssueSend=service.flag(True), TrackingToken=service.text(""))[
        "Subject"
    ].startswith("Out")
    query = service.any(
        "QueryExpression",
        ColumnSet=service.columns("subject", "statuscode"),
        Distinct=False,
        EntityName="email",
        Criteria=service.make(
            "FilterExpression",
            Conditions=service.make(
                "ArrayOfConditionExpression",
                [
                    service.make(
                        "ConditionExpression",
                        AttributeName="statuscode",
                        Operator="Equal",
                        Values=service.type("ArrayOfanyType", ARRAYS)([service.number(6)]),
                    )
                ],
            ),
            FilterOperator="And",
        ),
    )
    handed = service.execute("BackgroundSendEmail", Query=query)
    assert [e.Id for e in handed["EntityCollection"].Entities.Entity] == [draft] and handed["HasAttachments"].boolean == [False], handed
    assert not service.execute("BackgroundSendEmail", Query=query)["EntityCollection"].Entities
    service.execute("SetState", EntityMoniker=service.reference("email", draft), State=service.option(1), Status=service.option(3))
    assert attributes(service.call.Retrieve("email", draft, service.columns("statuscode")))["statuscode"].Value == 3
    item = service.execute("AddToQueue", Target=service.reference("email", draft), DestinationQueueId=service.guid(support))["QueueItemId"]
    assert attributes(service.call.Retrieve("queueitem", item, service.columns("queueid")))["queueid"].Id == support
    tracked = service.call.Create(service.entity("email", subject=service.text("Tracked by hand")))
    promoted = service.execute(
        "DeliverPromoteEmail",
        EmailId=service.guid(tracked),
        MessageId=service.text("<hand@customer.test>"),
        Subject=service.text("Tracked by hand"),
        From=service.text("carla@customer.test"),
        To=service.text("anna@example.test"),
        Cc=service.text(""),
        Bcc=service.text(""),
        ReceivedOn=service.time(datetime.datetime(2026, 1, 31, 8, 5, tzinfo=datetime.timezone.utc)),
        SubmittedBy=service.text("carla@customer.test"),
        Importance=service.text("1"),
        Body=service.text("Text"),
        Attachments=service.entities("activitymimeattachment"),
    )["EmailId"]
    values = attributes(service.call.Retrieve("email", promoted, service.columns("messageid", "statuscode")))
    assert promoted == tracked and values["messageid"] == "<hand@customer.test>" and values["statuscode"].Value == 4, values


service = Service(sys.argv[1], sys.argv[2])
globals()[sys.argv[3]](service, *sys.argv[4:])
print("done")
